import { readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { SuggestCommand } from '../config/suggest-flags.ts'
import { checkFrontend } from '../dockerfile/frontend.ts'
import { parseDockerfile } from '../dockerfile/parse.ts'
import { suggestCross } from '../dockerfile/suggest/suggest.ts'
import { DockerfileError, XbuildError } from '../errors.ts'
import { parsePlatform, platformOfNodeArch } from '../platform.ts'
import { MAX_DOCKERFILE } from '../source/stdin.ts'
import { formatAdvice, suggestionsToJson } from '../ui/suggest.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'

const STDIN = '<stdin>'

/** `xbuild suggest`: the diff on stdout, what is said about each stage on stderr; with `json` all of it on stdout. */
export async function runSuggest(command: SuggestCommand, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal
  const { text, shown, path } = await read(command, terminal)
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: shown })
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new DockerfileError(errors)
  checkFrontend(dockerfile, command.buildArgs)
  const platforms =
    command.platforms.length > 0
      ? command.platforms
      : ['linux/amd64', 'linux/arm64'].map((platform) => parsePlatform(platform))
  const { buildArgs, target } = command
  const buildPlatform = platformOfNodeArch(process.arch)
  const suggestions = suggestCross({
    dockerfile,
    text,
    platforms,
    buildPlatform,
    buildArgs,
    ...compact({ targetStage: target }),
  })
  if (!command.json) stderr.write(formatAdvice(suggestions, shown))
  await print(stdout, command.json ? suggestionsToJson(suggestions, shown) : suggestions.diff)
  if (command.write && path !== undefined && suggestions.diff !== '') await write(path, suggestions.text)
  return 0
}

async function read(
  { context, file, cwd }: SuggestCommand,
  { stdin }: Terminal,
): Promise<{ text: string; shown: string; path?: string }> {
  if (file === '-') return { text: await readAll(stdin), shown: STDIN }
  const folder = resolve(cwd, context)
  const candidates =
    file === undefined ? [join(folder, 'Dockerfile'), join(folder, 'dockerfile')] : [resolve(cwd, file)]
  for (const path of candidates) {
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > MAX_DOCKERFILE) throw tooLarge(path)
      const shown = relative(cwd, path)
      return { text, shown: shown.startsWith('..') ? path : shown, path }
    } catch (cause) {
      if (cause instanceof XbuildError) throw cause
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') continue
      throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${path}": ${message}`, {
        cause,
        hint: 'Name the file with -f',
      })
    }
  }
  throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${candidates[0]}": no such file`, {
    hint: 'Name it with -f, or give the folder that holds it',
  })
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > MAX_DOCKERFILE) throw tooLarge(STDIN)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(path: string): XbuildError {
  return new XbuildError(
    'BAD_DOCKERFILE',
    `Cannot read the Dockerfile "${path}": larger than ${MAX_DOCKERFILE / 1e6} MB`,
  )
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (cause) {
    throw new XbuildError('HOST', `Cannot write "${path}": ${(cause as Error).message}`, {
      cause,
      hint: 'Leave out --write, and apply the diff with patch -p0',
    })
  }
}
