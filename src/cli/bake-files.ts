import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { targetOfImage } from '../config/bake/compose.ts'
import type { BakeInput } from '../config/bake/config.ts'
import type { BakeCommand } from '../config/bake/flags.ts'
import type { Origin } from '../config/bake/origin.ts'
import { XbuildError } from '../errors.ts'
import { cleanText } from '../ui/text.ts'
import type { FoundFile, RemoteDefinition } from './bake-remote.ts'
import { checkFoundFile } from './found-file.ts'
import { createGrantedJudge } from './granted.ts'
import { readPipedText, readProjectText } from './project-text.ts'
import type { Terminal } from './terminal.ts'

/** Names that are looked for, in the order in which they add to each other. */
const DEFAULTS = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
]

/** What a bake is read from. */
export interface BakeSource extends Pick<BakeInput, 'files' | 'base' | 'baseGroups'> {
  /** The repository that contexts are folders of, and the files that came over the network, by their names. */
  readonly origin?: Origin
  readonly foreign: ReadonlySet<string>
}

type BakeTerminal = Pick<Terminal, 'stdin' | 'stderr' | 'env'>

/** The files of a bake: those that are named, or those of the folder or of the repository. Throws NOT_FOUND. */
export async function readBakeFiles(
  command: BakeCommand,
  terminal: BakeTerminal,
  signal: AbortSignal = new AbortController().signal,
): Promise<BakeSource> {
  const { files: named, remote: url, shared } = command
  const [own, others] = [named.filter(isOwn), named.filter((name) => !isOwn(name))]
  const local =
    url === undefined ? await localFiles(named, command, terminal) : await localFiles(own, command, terminal)
  if (url === undefined) return { ...(await asSource(local, command, terminal)), foreign: new Set() }
  const { withRemoteDefinition } = await import('./bake-remote.ts')
  const { cwd, store } = shared
  const input = { url, names: others, defaults: DEFAULTS, cwd, store, env: terminal.env, signal }
  return withRemoteDefinition(input, async (found) => {
    const source = await asSource([...found.files, ...local], command, terminal, found)
    const { origin, files } = found
    return { ...source, foreign: new Set(files.map(({ name }) => name)), ...compact({ origin }) }
  })
}

function isOwn(name: string): boolean {
  return name.startsWith('cwd://')
}

async function localFiles(
  named: readonly string[],
  { remote, shared: { cwd } }: BakeCommand,
  { stdin }: BakeTerminal,
): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  const isSearched = named.length === 0 && remote === undefined
  for (const name of isSearched ? DEFAULTS : named) {
    const path = isOwn(name) ? name.slice('cwd://'.length) : name
    if (isSearched) checkFoundFile(resolve(cwd, path), { shown: path, hint: `Name it with -f ${path}` })
    const text = path === '-' ? await readPipedText(stdin) : readProjectText(resolve(cwd, path), path)
    if (text !== undefined) found.push({ name: path, text, path })
    else if (!isSearched) throw new XbuildError('NOT_FOUND', `Cannot read "${path}": no such file`)
  }
  return found
}

async function asSource(
  found: readonly FoundFile[],
  command: BakeCommand,
  terminal: BakeTerminal,
  remote?: RemoteDefinition,
): Promise<Pick<BakeInput, 'files' | 'base' | 'baseGroups'>> {
  const full = found.filter(({ text }) => text !== '')
  if (full.length === 0)
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot bake: there is no bake file in ${remote ? 'the repository' : 'this folder'}`,
      { hint: `Write docker-bake.hcl, or name a file with -f. xbuild looks for ${DEFAULTS.join(', ')}` },
    )
  const compose = full.filter(isCompose)
  const files = full.filter((file) => !compose.includes(file))
  if (compose.length === 0) return { files }
  const own = remote ? compose.find((file) => !remote.files.includes(file)) : undefined
  if (own && compose.length > 1)
    throw new XbuildError('UNSUPPORTED', `Cannot bake "${own.path}" with compose files of another place`, {
      hint: 'Add to them with a bake file in HCL or JSON',
    })
  return { files, ...(await composeBase(compose, command, terminal, own ? undefined : remote)) }
}

function isCompose({ path, text }: FoundFile): boolean {
  if (/\.ya?ml$/i.test(path)) return true
  return !/\.(?:hcl|json)$/i.test(path) && /^(?:services|include):(?:[ \t[{]|$)/m.test(text)
}

/** The services of compose files as targets, and as the group `default`. Profiles and dependencies do not matter. */
async function composeBase(
  files: readonly FoundFile[],
  { values, shared: { cwd } }: BakeCommand,
  { env, stderr }: Pick<Terminal, 'stderr' | 'env'>,
  remote?: RemoteDefinition,
): Promise<Pick<BakeInput, 'base' | 'baseGroups'>> {
  const [{ readComposeTargets }, { parseDotenv }] = await Promise.all([
    import('../config/compose/project.ts'),
    import('../config/compose/dotenv.ts'),
  ])
  const judge = createGrantedJudge(cwd, values.allow, cwd)
  const hint = 'Give --allow fs.read=FILE when you trust it'
  if (!remote) checkFoundFile(resolve(cwd, '.env'), { shown: '.env', hint, judge })
  const dotenv = remote ? remote.read('.env') : readProjectText(resolve(cwd, '.env'), '.env')
  const own = dotenv === undefined ? {} : parseDotenv(dotenv, '.env', (name) => env[name])
  const readHere = (path: string): string | undefined => {
    const why = judge({ kind: 'read', path })
    if (why === undefined) return readProjectText(resolve(cwd, path), path)
    throw new XbuildError('BAD_OPTION', `Cannot read "${path}": ${why}`, {
      hint: `Give --allow fs.read=${path} when you trust the file`,
    })
  }
  const { targets, warnings } = readComposeTargets({
    files: files.map(({ path, text }) => ({ path, text })),
    // Relative paths stay what they are, as --print shows them
    folder: '.',
    env: { ...own, ...env, ...values.vars },
    home: env['HOME'],
    read: remote?.read ?? readHere,
    show: remote?.show ?? ((path) => path),
  })
  for (const { message, at, hint } of warnings)
    stderr.write(
      `warning: ${cleanText(`${at.file}:${at.line}:${at.column ?? 1}: ${message}${hint ? `. ${hint}` : ''}`)}\n`,
    )
  return {
    base: targets.map(targetOfImage),
    baseGroups: [{ name: 'default', targets: targets.map(({ name }) => name), unlisted: true }],
  }
}
