import { compact } from '../compact.ts'
import { readBake } from '../config/bake/bake.ts'
import type { BakeConfig } from '../config/bake/fields.ts'
import type { BakeCommand } from '../config/bake/flags.ts'
import { imageTargets } from '../config/bake/images.ts'
import { listTargets, listVariables, printBake } from '../config/bake/print.ts'
import { resolveTargets, type Resolved } from '../config/bake/resolve.ts'
import { parseCall, type Call } from '../config/call.ts'
import type { ImageTarget } from '../config/images/target.ts'
import { readBool } from '../config/values.ts'
import { XbuildError } from '../errors.ts'
import { homeFolder } from '../host/home.ts'
import { formatPlatform } from '../platform.ts'
import { cleanLine, cleanText } from '../ui/text.ts'
import { readBakeFiles, type BakeSource } from './bake-files.ts'
import type { Calling } from './command.ts'
import { print } from './print.ts'
import { runImages, type ImagesRun } from './run-images.ts'
import { readTrustedAsks } from './trusted-asks.ts'
import { withSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

/** `xbuild bake`: what files define, as a list, as JSON, or built. */
export async function runBake(command: BakeCommand, terminal: Terminal, calling: Calling): Promise<number> {
  const { values } = command
  const { stdout, env } = terminal
  const definitions = await withSignals(terminal, {
    onStop: () => {},
    work: (signal) => readDefinitions(command, terminal, signal),
  })
  const { config } = definitions
  if (values.list) {
    const { what, format } = values.list
    const list = what === 'targets' ? listTargets(config, format) : listVariables(config.variables, format)
    await print(
      stdout,
      list.replace(/[^\n]+/g, (line) =>
        line
          .split('\t')
          .map((cell) => cleanLine(cell))
          .join('\t'),
      ),
    )
    return 0
  }
  if (values.print) {
    await print(stdout, printBake(withEpoch(resolvedOf(command, definitions, false), env)))
    return 0
  }
  const run = imagesOf(command, definitions, env)
  return runImages({ ...run, trusted: await readTrustedAsks(env, run.shared.cwd) }, terminal, calling)
}

/** What `xbuild bake` builds; nothing is built yet. */
export async function readBakeRun(
  command: BakeCommand,
  terminal: BakeTerminal,
  signal?: AbortSignal,
): Promise<ImagesRun> {
  return imagesOf(command, await readDefinitions(command, terminal, signal), terminal.env)
}

/** All targets of the files, whoever asks for them. */
export async function readAllTargets(command: BakeCommand, terminal: BakeTerminal): Promise<readonly ImageTarget[]> {
  const definitions = await readDefinitions(command, terminal)
  const names = definitions.config.targets.map(({ name }) => name)
  return imageTargets(resolvedOf({ ...command, names }, definitions, true))
}

/** Contexts that are built from are of the commit that the files are of; those that are shown are as the user wrote. */
function resolvedOf({ names, set }: BakeCommand, { config, open, origin }: Definitions, pinned: boolean): Resolved {
  return resolveTargets(config, { names, set, env: open, origin: origin && (pinned ? origin : { url: origin.url }) })
}

function imagesOf(command: BakeCommand, definitions: Definitions, env: Terminal['env']): ImagesRun {
  const { values, shared, localPlatform } = command
  const resolved = resolvedOf(command, definitions, true)
  const targets = imageTargets(resolved)
  const chosen = targets.map(({ name }) => name).filter((name) => !resolved.linked.has(name))
  return {
    targets,
    chosen,
    groups: Object.fromEntries(
      resolved.groups.map(({ name, description, targets: members }) => [
        name,
        { ...(description ? { description } : {}), targets: members },
      ]),
    ),
    project: shared.cwd,
    foreign: definitions.foreign,
    grants: values.allow,
    shared,
    localPlatform,
    env,
    secretEnv: env,
    print: false,
    failFast: values.failFast,
    metadataFile: values.metadataFile,
    call: command.call ?? callOf(targets.filter(({ name }) => chosen.includes(name))),
  }
}

type BakeTerminal = Pick<Terminal, 'env' | 'stdin' | 'stderr'>

interface Definitions extends Pick<BakeSource, 'origin' | 'foreign'> {
  readonly config: BakeConfig
  /** The variables that may be looked up. */
  readonly open: Terminal['env']
}

/** The files with all that they define; warnings go to stderr. */
async function readDefinitions(
  command: BakeCommand,
  terminal: BakeTerminal,
  signal?: AbortSignal,
): Promise<Definitions> {
  const { stderr, env } = terminal
  const open = readBool(env['BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP'] ?? '') === true ? {} : env
  const { origin, foreign, ...input } = await readBakeFiles(command, terminal, signal)
  const config = readBake({
    ...input,
    ...compact({ cmdContext: command.cmdContext }),
    vars: command.values.vars,
    env: open,
    localPlatform: formatPlatform(command.localPlatform),
    now: new Date(),
    home: homeFolder(env),
  })
  for (const { message, at, hint } of config.warnings)
    stderr.write(`warning: ${cleanText(`${at.file}:${at.line}:${at.column}: ${message}${hint ? `. ${hint}` : ''}`)}\n`)
  return { config, open, foreign, ...compact({ origin }) }
}

/** What the files ask of their Dockerfiles: of all of them the same, or the run would be two things. */
function callOf(targets: readonly ImageTarget[]): Call | undefined {
  const calls = new Set(targets.map(({ call }) => call?.value ?? 'build'))
  const [only = 'build'] = calls
  if (calls.size > 1)
    throw new XbuildError('UNSUPPORTED', `Cannot bake targets with "call" of ${[...calls].join(' and ')} together`, {
      hint: 'Name targets of one kind, or give --call',
    })
  const call = parseCall(only, 'call')
  return call.kind === 'build' ? undefined : call
}

/** As buildx prints it: steps see the time when they declare the ARG. */
function withEpoch(resolved: Resolved, env: Terminal['env']): Resolved {
  const epoch = env['SOURCE_DATE_EPOCH']
  if (!epoch) return resolved
  const targets = resolved.targets.map((target) => {
    const args = target.fields.get('args')
    const entries = new Map(args?.kind === 'record' ? args.entries : [])
    if (!entries.has('SOURCE_DATE_EPOCH')) entries.set('SOURCE_DATE_EPOCH', { value: epoch })
    return { ...target, fields: new Map([...target.fields, ['args', { kind: 'record', entries } as const] as const]) }
  })
  return { ...resolved, targets }
}
