import { compact } from '../compact.ts'
import { readIgnoreFile } from '../content/context.ts'
import { join, resolve } from 'node:path'
import { contextNames } from '../config/build-context.ts'
import type { CompleteOptions } from '../config/options.ts'
import { distinctDiagnostics } from '../distinct.ts'
import { checkDockerfile } from '../dockerfile/checks/check.ts'
import type { View } from '../dockerfile/checks/rule.ts'
import { viewOf, type BaseFacts } from '../dockerfile/checks/view.ts'
import { checkFrontend } from '../dockerfile/frontend.ts'
import { buildStageGraph } from '../dockerfile/graph.ts'
import { parseIgnore, type IgnoreMatcher } from '../dockerfile/ignore.ts'
import { outlineOf, targetsOf, type Outline, type Target } from '../dockerfile/outline.ts'
import { parseDockerfile } from '../dockerfile/parse.ts'
import type { GraphStage, StageGraph } from '../dockerfile/types.ts'
import { MALFORMED_WORD } from '../dockerfile/evaluate.ts'
import type { Images } from '../content/images.ts'
import type { DockerfileText } from '../content/context-types.ts'
import { resolveImages } from '../engine/resolve.ts'
import { DockerfileError, toXbuildError, type Diagnostic } from '../errors.ts'
import { isAllPlatforms, platformOfNodeArch } from '../platform.ts'

/** What `--call` asks about a Dockerfile. */
export type Question = 'check' | 'outline' | 'targets'

/** The Dockerfile that was found, and the answer. */
export type Answer = { readonly file: string; readonly text: string } & (
  | { readonly kind: 'check'; readonly found: readonly Diagnostic[] }
  | { readonly kind: 'outline'; readonly outline: Outline }
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
)

export interface InspectEdges {
  readonly dockerfile: DockerfileText
  readonly images: Images
  readonly warn: (message: string) => void
  readonly signal: AbortSignal
}

/** How long base images may take to be looked up; checks go without what does not answer. Milliseconds. */
const PATIENCE = 15_000

/**
 * Answers a question about a Dockerfile; nothing is built. Problems of the Dockerfile are findings of a check, and
 * thrown otherwise.
 */
export async function inspect(question: Question, options: CompleteOptions, edges: InspectEdges): Promise<Answer> {
  const { text, shown: file } = edges.dockerfile
  const { dockerfile, diagnostics } = parseDockerfile(text, { file })
  checkFrontend(dockerfile, options.buildArgs)
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  if (question === 'check' && errors.length > 0) {
    const subject = { dockerfile, views: [NOTHING] }
    const warnings = diagnostics.filter(({ severity }) => severity === 'warning')
    // What comes after the first error may be read wrong
    const earlier = checkDockerfile(subject, { buildArgs: options.buildArgs, warnings }).filter(
      ({ at }) => at.line < errors[0]!.at.line,
    )
    return { kind: 'check', file, text, found: [...errors, ...earlier] }
  }
  if (errors.length > 0) throw new DockerfileError(errors)
  if (question === 'targets') return { kind: 'targets', file, text, targets: targetsOf(dockerfile) }

  const buildPlatform = platformOfNodeArch(process.arch)
  const everyStage = question === 'check' && options.target === undefined
  const { platforms } = options
  // What all base images have is looked up for a build alone
  const targets = platforms.length > 0 && !isAllPlatforms(platforms) ? platforms : [buildPlatform]
  const graphs = targets.map((target) =>
    buildStageGraph(dockerfile, {
      target,
      buildPlatform,
      buildArgs: options.buildArgs,
      ...contextNames(options.buildContexts),
      everyStage,
      ...compact({ targetStage: options.target }),
    }),
  )
  const problems = graphs.flatMap((graph) => graph.diagnostics)
  if (question === 'outline') {
    const broken = problems.filter(({ severity }) => severity === 'error')
    if (broken.length > 0) throw new DockerfileError(broken)
    const view = viewOf(graphs[0]!.graph, () => undefined)
    // Base images are not looked at: errors of other words may come of not knowing their variables
    const wrong = view.stages.flatMap(({ evaluated, baseIsKnown }) =>
      evaluated.diagnostics.filter((one) => one.severity === 'error' && (baseIsKnown || one.rule === MALFORMED_WORD)),
    )
    if (wrong.length > 0) throw new DockerfileError(wrong)
    return { kind: 'outline', file, text, outline: outlineOf(dockerfile, view) }
  }
  const views = await Promise.all(graphs.map(({ graph }) => lookUp(graph, options, edges)))
  const evaluated = views.flatMap((view) => view.stages.flatMap((stage) => stage.evaluated.diagnostics))
  const all = distinctDiagnostics([...diagnostics, ...problems, ...evaluated]).sort((a, b) => a.at.line - b.at.line)
  const ignore = await ignoreOf(options, edges.dockerfile)
  const warnings = all.filter(({ severity }) => severity === 'warning')
  const found = checkDockerfile(
    { dockerfile, views, ...compact({ ignore }) },
    { buildArgs: options.buildArgs, warnings },
  )
  return { kind: 'check', file, text, found: [...all.filter(({ severity }) => severity === 'error'), ...found] }
}

/** The view of a file that has errors: no stage is evaluated. */
const NOTHING: View = {
  graph: {
    target: platformOfNodeArch(process.arch),
    buildPlatform: platformOfNodeArch(process.arch),
    stages: [],
    targetStage: -1,
  },
  stages: [],
}

/** Evaluates the stages with the configs of their base images, as far as they can be had. */
async function lookUp(
  graph: StageGraph,
  options: CompleteOptions,
  { images, warn, signal }: InspectEdges,
): Promise<View> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const facts = new Map<number, BaseFacts>()
  await Promise.all(
    graph.stages.map(async (stage) => {
      const { base } = stage
      if (base.kind === 'stage' || base.kind === 'scratch') return
      try {
        const alone: GraphStage = { ...stage, froms: {} }
        const imageFor = await resolveImages([{ ...graph, stages: [alone] }], {
          images,
          contexts: options.buildContexts,
          cwd: options.cwd,
          signal: patience,
        })
        const image = imageFor(base, alone)
        if ('config' in image) facts.set(stage.index, { config: image.config.config ?? {} })
      } catch (thrown) {
        signal.throwIfAborted()
        const error = toXbuildError(thrown)
        if (error.code === 'NO_PLATFORM') facts.set(stage.index, { otherPlatforms: error.facts.platforms ?? [] })
        else warn(`Checking without the base image "${stage.stage.from.image}": ${error.message}`)
      }
    }),
  )
  return viewOf(graph, ({ index }) => facts.get(index))
}

/** The patterns for a context that is a folder of this machine. */
async function ignoreOf(
  { cwd, context }: CompleteOptions,
  { path }: DockerfileText,
): Promise<IgnoreMatcher | undefined> {
  const found = await readIgnoreFile([
    ...(path === undefined ? [] : [`${path}.dockerignore`]),
    join(resolve(cwd, context), '.dockerignore'),
  ])
  return found && parseIgnore(found.text, { file: found.file })
}
