import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Invocation } from '../config/argv.ts'
import type { FileConfig } from '../config/file.ts'
import { XbuildError } from '../errors.ts'

const DEFAULT_FILE = 'xbuild.yaml'
const MAX_BYTES = 1_000_000

/** Reads the file of `--config`, or `xbuild.yaml` in `cwd` when there is one. Throws BAD_OPTION. */
export async function loadConfig({ command, given }: Invocation, cwd: string): Promise<FileConfig | undefined> {
  if (command === 'version' || command === 'help') return undefined
  const named = given.get('config')?.at(-1)
  const file = named ?? DEFAULT_FILE
  let text: string
  try {
    text = await readFile(resolve(cwd, file), 'utf8')
  } catch (cause) {
    if (named === undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new XbuildError('BAD_OPTION', `Cannot read config file "${file}": ${(cause as Error).message}`, { cause })
  }
  if (text.length > MAX_BYTES)
    throw new XbuildError('BAD_OPTION', `Cannot read config file "${file}": larger than ${MAX_BYTES / 1e6} MB`)
  const { parseConfigFile } = await import('../config/file.ts') // yaml is loaded only when there is a file
  return parseConfigFile(text, file)
}
