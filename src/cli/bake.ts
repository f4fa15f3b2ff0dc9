import { homedir } from 'node:os'
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
import { formatPlatform } from '../platform.ts'
import { cleanText } from '../ui/text.ts'
import { readBakeFiles } from './bake-files.ts'
import { print } from './print.ts'
import { runImages, type ImagesRun } from './run-images.ts'
import type { Terminal } from './terminal.ts'

/** `xbuild bake`: what files define, as a list, as JSON, or built. */
export async function runBake(command: BakeCommand, terminal: Terminal): Promise<number> {
  const { values } = command
  const { stdout, env } = terminal
  const { config, open } = await readDefinitions(command, terminal)
  if (values.list) {
    const { what, format } = values.list
    await print(stdout, what === 'targets' ? listTargets(config, format) : listVariables(config.variables, format))
    return 0
  }
  const resolved = resolveTargets(config, { names: command.names, set: command.set, env: open })
  if (values.print) {
    await print(stdout, printBake(withEpoch(resolved, env)))
    return 0
  }
  return runImages(imagesOf(command, resolved, env), terminal)
}

/** What `xbuild bake` builds; nothing is built yet. */
export async function readBakeRun(command: BakeCommand, terminal: BakeTerminal): Promise<ImagesRun> {
  const { config, open } = await readDefinitions(command, terminal)
  const resolved = resolveTargets(config, { names: command.names, set: command.set, env: open })
  return imagesOf(command, resolved, terminal.env)
}

function imagesOf(command: BakeCommand, resolved: Resolved, env: Terminal['env']): ImagesRun {
  const { values, shared, localPlatform } = command
  const targets = imageTargets(resolved)
  const chosen = targets.map(({ name }) => name).filter((name) => !resolved.linked.has(name))
  return {
    targets,
    chosen,
    groups: {},
    project: shared.cwd,
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

/** The files with all that they define; warnings go to stderr. */
async function readDefinitions(
  command: BakeCommand,
  terminal: BakeTerminal,
): Promise<{ readonly config: BakeConfig; readonly open: Terminal['env'] }> {
  const { stderr, env } = terminal
  const open = readBool(env['BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP'] ?? '') === true ? {} : env
  const config = readBake({
    ...(await readBakeFiles(command, terminal)),
    vars: command.values.vars,
    env: open,
    localPlatform: formatPlatform(command.localPlatform),
    now: new Date(),
    home: env['HOME'] ?? homedir(),
  })
  for (const { message, at, hint } of config.warnings)
    stderr.write(`warning: ${cleanText(`${at.file}:${at.line}:${at.column}: ${message}${hint ? `. ${hint}` : ''}`)}\n`)
  return { config, open }
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
