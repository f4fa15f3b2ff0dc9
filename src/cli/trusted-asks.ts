import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { askName, type Ask } from '../config/project.ts'
import { sha256 } from '../oci/digest.ts'
import { readProjectText } from './project-text.ts'
import type { Terminal } from './terminal.ts'
import { readTrustedFiles } from './trusted-files.ts'

/** Whether `xbuild trust` granted what a compose or bake file asks for: the same thing, in the same file. */
export async function readTrustedAsks(env: Terminal['env'], cwd: string): Promise<((ask: Ask) => boolean) | undefined> {
  const known = await readTrustedFiles(env)
  if (known.length === 0) return undefined
  const digests = new Map<string, string | undefined>()
  return (ask) => {
    const path = placeOf(ask.at.file, cwd)
    const entry = known.find((file) => file.path === path)
    if (!entry?.asks.includes(askName(ask))) return false
    if (!digests.has(path)) digests.set(path, digestOf(path))
    return digests.get(path) === entry.digest
  }
}

/** The name under which a file is remembered: its folder's real path. */
export function placeOf(file: string, cwd: string): string {
  const path = resolve(cwd, file)
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}

/** The digest of a file's text; undefined when it is not there. */
export function digestOf(path: string): string | undefined {
  const text = readProjectText(path, path)
  return text === undefined ? undefined : sha256(Buffer.from(text))
}
