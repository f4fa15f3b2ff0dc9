import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { Call } from '../config/call.ts'
import { askProblems, openAsks, type Grants } from '../config/images/allow.ts'
import { cutCwd, isRemoteContext, requestsOf, type ImageRequest, type SharedOptions } from '../config/images/options.ts'
import { printAnswers, printTargets } from '../config/images/print.ts'
import { settingsOf } from '../config/images/settings.ts'
import { neededBy, withNeeded, type ImageTarget } from '../config/images/target.ts'
import type { Ask } from '../config/project.ts'
import { ConfigFileError } from '../config/file.ts'
import { XbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Answer } from '../session/inspect.ts'
import { createStepCounts } from '../ui/step-counts.ts'
import { createUi } from '../ui/ui.ts'
import type { Calling } from './command.ts'
import { createForeignJudge, createGrantedJudge } from './granted.ts'
import { collectWarnings } from './metadata-warnings.ts'
import { print } from './print.ts'
import { readProjectText } from './project-text.ts'
import { reportImages } from './report-results.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** What a file describes, and what is to be done with it. */
export interface ImagesRun {
  /** All images that there are. */
  readonly targets: readonly ImageTarget[]
  /** The names of those to build; what they are made from is built with them. */
  readonly chosen: readonly string[]
  /** Groups as `--print` shows them. */
  readonly groups: Readonly<Record<string, { readonly description?: string; readonly targets: readonly string[] }>>
  /** The folder that the files may read and write. */
  readonly project: string
  /** Files that came over the network: no folder of this machine is theirs. */
  readonly foreign?: ReadonlySet<string>
  /** Absent: what the files ask for was granted before. */
  readonly grants: Grants | undefined
  /** What the user accepted with `xbuild trust`; absent: nothing. */
  readonly trusted?: ((ask: Ask) => boolean) | undefined
  readonly shared: SharedOptions
  readonly localPlatform: Platform
  /** The user's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Variables that secrets are taken from; a file of the project may have set some: nothing else is. */
  readonly secretEnv: Readonly<Record<string, string | undefined>>
  readonly print: boolean
  readonly failFast: boolean
  readonly metadataFile: string | undefined
  /** A question about the Dockerfiles; nothing is built. */
  readonly call: Call | undefined
}

/**
 * Builds images in one session: progress and summary on stderr, `NAME DIGEST` a line on stdout. Gives back the exit
 * code: 1 when an image failed.
 */
export async function runImages(run: ImagesRun, terminal: Terminal, calling: Calling): Promise<number> {
  if (run.print) {
    const targets = withNeeded(run.targets, run.chosen)
    checkNoCircle(targets)
    await print(terminal.stdout, printTargets(targets, run.groups))
    return 0
  }
  const requests = requestsFor(run)
  if (run.call) return askAll(run.call, requests, run, terminal)
  return buildImages(requests, run, terminal, calling)
}

/** The images as a session takes them. Throws what is wrong with them, and what nobody has granted. */
export function requestsFor(run: ImagesRun): readonly ImageRequest[] {
  const targets = withNeeded(run.targets, run.chosen)
  checkNoCircle(targets)
  const requests = imageRequests(run)
  checkGranted(run, targets)
  const byName = new Map(targets.map((target) => [target.name, target]))
  return requests.map((request) => withOwnDockerfile(request, byName.get(request.name)!, run.shared.cwd))
}

/** A Dockerfile of this machine for a context that is elsewhere, where its path would be looked for. */
function withOwnDockerfile(request: ImageRequest, { dockerfile }: ImageTarget, cwd: string): ImageRequest {
  const { context, inlineDockerfile } = request.options
  if (!dockerfile?.value.startsWith('cwd://') || inlineDockerfile || !isRemoteContext(context)) return request
  const name = cutCwd(dockerfile.value)
  const text = readProjectText(resolve(cwd, name), name)
  if (text === undefined)
    throw new XbuildError('NOT_FOUND', `Cannot read the Dockerfile "${name}": no such file`, {
      at: dockerfile.at,
    })
  return { ...request, options: compact({ ...request.options, file: undefined, inlineDockerfile: { text, name } }) }
}

/** What a session is asked for: the images chosen, and what they are made from. */
export function imageRequests({
  targets,
  chosen,
  shared,
  env,
  secretEnv,
  localPlatform,
}: Pick<ImagesRun, 'targets' | 'chosen' | 'shared' | 'env' | 'secretEnv' | 'localPlatform'>): ImageRequest[] {
  return requestsOf(
    withNeeded(targets, chosen).map((target) => (chosen.includes(target.name) ? target : onlyNeeded(target))),
    { shared, env, secretEnv, localPlatform, names: targets.map(({ name }) => name) },
  ).map((request) => {
    // What the images made from it take of it is audited there, on the platform and with the loaders that it gets there
    if (!chosen.includes(request.name)) return { ...request, options: { ...request.options, audit: 'off' } }
    return shared.test ? { ...request, options: { ...request.options, test: shared.test } } : request
  })
}

/** An image that others are made from goes nowhere itself. */
function onlyNeeded(target: ImageTarget): ImageTarget {
  return { ...target, tags: [], output: [], cacheTo: [] }
}

/** Throws `ConfigFileError` with what the files ask for and nobody has granted. */
function checkGranted(
  { project, foreign, grants, trusted, secretEnv, shared }: ImagesRun,
  targets: readonly ImageTarget[],
): void {
  if (!grants) return
  const { cwd } = shared
  const own = createGrantedJudge(realpathSync(resolve(cwd, project)), grants, cwd)
  const settings = targets.flatMap((target) => settingsOf(target, secretEnv))
  const isForeign = ({ at }: (typeof settings)[number]) => foreign?.has(at.file) ?? false
  const asks = [
    ...openAsks(settings.filter(isForeign), grants, createForeignJudge(grants, cwd)),
    ...openAsks(
      settings.filter((each) => !isForeign(each)),
      grants,
      own,
    ).filter((ask) => !trusted?.(ask)),
  ]
  if (asks.length > 0) throw new ConfigFileError(asks[0]!.at.file, askProblems(asks))
}

async function buildImages(
  requests: readonly ImageRequest[],
  run: ImagesRun,
  terminal: Terminal,
  { invocation, resume }: Calling,
): Promise<number> {
  const { stdout, stderr } = terminal
  const { progress, cwd } = run.shared
  const metadataFile = run.metadataFile === undefined ? undefined : resolve(cwd, run.metadataFile)
  const ui = await createUi(progress, { stderr, isTTY: stderr.isTTY, env: terminal.env })
  const steps = createStepCounts()
  const warnings = collectWarnings(terminal)
  const emit: typeof ui.emit = (event) => {
    steps.take(event)
    warnings.take(event)
    ui.emit(event)
  }
  const finished = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: async (signal) => {
      const { build } = await import('../build.ts')
      const { secretEnv, failFast } = run
      return build(requests, {
        emit,
        signal,
        env: terminal.env,
        secretEnv,
        stdout,
        failFast,
        invocation: { ...invocation, chosen: run.chosen, ...compact({ metadataFile }) },
        ...compact({ resume }),
      })
    },
  })
  const session = await finished.finally(() => ui.finish())
  return reportImages(session, { progress, chosen: run.chosen, metadataFile, steps, warnings }, terminal)
}

/** Asks the Dockerfile of every image; exit code 1 when a check found something. */
async function askAll(
  call: Call,
  requests: readonly ImageRequest[],
  run: ImagesRun,
  terminal: Terminal,
): Promise<number> {
  const { answerCall } = await import('./call.ts')
  const kind = call.kind as Answer['kind']
  const answers: { target: ImageTarget; kind: string; answer: unknown }[] = []
  let worst = 0
  for (const { name, options } of requests) {
    if (!run.chosen.includes(name)) continue
    const question = { options: { ...options, outputs: [] }, call: { ...call, kind } }
    const { text, code } = await answerCall(question, terminal)
    worst = Math.max(worst, code)
    if (call.format === 'text') await print(terminal.stdout, run.chosen.length > 1 ? `${name}:\n${text}` : text)
    else answers.push({ target: run.targets.find((one) => one.name === name)!, kind, answer: JSON.parse(text) })
  }
  if (call.format === 'json') await print(terminal.stdout, printAnswers(answers, run.groups))
  return worst
}

/** Throws BAD_OPTION for images that are made from each other, which no order of building could end. */
export function checkNoCircle(targets: readonly ImageTarget[]): void {
  const byName = new Map(targets.map((target) => [target.name, target]))
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    const target = byName.get(name)
    if (!target || done.has(name)) return
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(' -> ')
      const at = target.at ? { at: target.at } : {}
      throw new XbuildError('BAD_OPTION', `Cannot build "${name}": it depends on itself (${circle})`, at)
    }
    for (const need of Object.values(neededBy(target))) visit(need, [...path, name])
    done.add(name)
  }
  for (const name of byName.keys()) visit(name, [])
}
