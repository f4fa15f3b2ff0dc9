import { distinctDiagnostics } from '../distinct.ts'
import { compact } from '../compact.ts'
import { contextNames } from '../config/build-context.ts'
import type { CompleteOptions } from '../config/options.ts'
import { withProxies } from '../config/proxies.ts'
import { optionsFor, overrideFor } from '../config/overrides.ts'
import type { PlatformOverride } from '../config/options.ts'
import { checkCacheFilter } from '../dockerfile/cache-filter.ts'
import { allowsHostNetwork, checkHostNetwork, NETWORK_HOST } from '../dockerfile/entitlements.ts'
import { checkFrontend, foreignFrontend, opaqueDockerfile } from '../dockerfile/frontend.ts'
import { buildStageGraph } from '../dockerfile/graph.ts'
import type { GraphOptions } from '../dockerfile/graph-scope.ts'
import { parseDockerfile } from '../dockerfile/parse.ts'
import { contextNamed } from '../dockerfile/sources.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import { targetKey } from '../plan/target-id.ts'
import type { DockerfileText } from '../content/context-types.ts'
import type { MainContext } from '../content/main-context.ts'
import type { Emit } from '../events.ts'
import type { TargetBuild } from '../driver/target.ts'
import { DockerfileError, toXbuildError, XbuildError, type Diagnostic, type SourcePosition } from '../errors.ts'
import type { Platform } from '../platform.ts'

interface TargetEdges {
  readonly image: string | undefined
  readonly main: MainContext
  readonly buildPlatform: Platform
  /** Whether this machine is among those that build: then it must know the language. */
  readonly here: boolean
  readonly emit: Emit
  /** How texts are parsed; absent: each time anew. */
  readonly parse?: ParseText
}

/** Parses the text of a Dockerfile. */
export type ParseText = (file: DockerfileText) => ReturnType<typeof parseDockerfile>

/** Parses equal texts of equal names once: images of a session often share a Dockerfile. */
export function parseOnce(): ParseText {
  const parsed = new Map<string, ReturnType<typeof parseDockerfile>>()
  return (file) => {
    const key = JSON.stringify([file.shown, file.text])
    const known = parsed.get(key) ?? parseText(file)
    parsed.set(key, known)
    return known
  }
}

function parseText({ text, shown }: DockerfileText): ReturnType<typeof parseDockerfile> {
  return parseDockerfile(text, { file: shown })
}

/** The targets of a request, and how it is read for a platform that only another image needs. */
export interface ReadRequest {
  readonly targets: readonly TargetBuild[]
  more(platform: Platform): Promise<TargetBuild>
}

/**
 * One for each platform asked for; nothing asked for is this machine's, unless the last stage itself says `FROM
 * --platform=...`.
 */
export async function readTargets(
  options: CompleteOptions,
  { image, main, buildPlatform, here, emit, parse: parseFile = parseText }: TargetEdges,
): Promise<ReadRequest> {
  if (here) checkAllowedHere(options.allow ?? [])
  const parsed = new Map<DockerfileText, Dockerfile>()
  const read = async (platform: Platform) => {
    const own = optionsFor(options, platform)
    const override = overrideFor(options, platform)
    const file = await placed(main.dockerfile(own.file), override?.at?.dockerfile)
    return { platform, own, override, file, dockerfile: parsed.get(file) ?? parse(file, own) }
  }
  const parse = (file: DockerfileText, { buildArgs, target }: CompleteOptions) => {
    const { dockerfile, diagnostics } = parseFile(file)
    const frontend = foreignFrontend(dockerfile, buildArgs)
    // Targets of other names are other stages there
    if (frontend && !here) return opaqueDockerfile(dockerfile, { frontend, target })
    checkFrontend(dockerfile, buildArgs)
    check(diagnostics, emit)
    parsed.set(file, dockerfile)
    return dockerfile
  }
  let wanted = options.platforms
  if (wanted.length === 0) {
    const { own, dockerfile } = await read(buildPlatform)
    wanted = [
      graphOf(dockerfile, own, { target: buildPlatform, buildPlatform }).graph.stages.at(-1)?.platform ?? buildPlatform,
    ]
  }
  const found: Diagnostic[] = []
  const targets: TargetBuild[] = []
  for (const platform of wanted) {
    const { own, override, file, dockerfile } = await read(platform)
    const { graph, diagnostics } = graphOf(dockerfile, own, { target: platform, buildPlatform })
    found.push(...diagnostics.map((one) => blamed(one, override)))
    if (!dockerfile.frontend) {
      const instructions = graph.stages.flatMap(({ stage }) => stage.instructions)
      found.push(
        ...unusedBases(dockerfile, override),
        ...checkCacheFilter(dockerfile, own.noCacheFilter ?? []),
        ...checkHostNetwork(instructions, allowsHostNetwork(own)),
      )
    }
    targets.push(made({ platform, own, file, dockerfile, graph }, override))
  }
  check(found, emit)
  return {
    targets,
    async more(platform) {
      const { own, override, file, dockerfile } = await read(platform)
      const { graph, diagnostics } = graphOf(dockerfile, own, { target: platform, buildPlatform })
      check(diagnostics, emit)
      return made({ platform, own, file, dockerfile, graph }, override)
    },
  }

  function made(
    {
      own,
      ...parts
    }: Pick<TargetBuild, 'platform' | 'file' | 'dockerfile' | 'graph'> & { readonly own: CompleteOptions },
    override: PlatformOverride | undefined,
  ): TargetBuild {
    const needs = needsOf(parts.graph, own)
    const graphWith: TargetBuild['graphWith'] = (triggers) =>
      graphOf(parts.dockerfile, own, { target: parts.platform, buildPlatform, triggers })
    return { ...parts, graphWith, image, main, options: own, needs, optional: override?.optional === true }
  }
}

/** The images of the session that the stages of a graph read from, each once per platform. */
function needsOf({ stages }: StageGraph, { buildContexts }: CompleteOptions): TargetBuild['needs'] {
  const needs = stages.flatMap((stage) =>
    [stage.base, ...Object.values(stage.froms)].flatMap((source) => {
      const context = source.kind === 'context' ? buildContexts[source.name] : undefined
      return source.kind === 'context' && context?.kind === 'target'
        ? [{ context: source.name, image: context.image, platform: source.platform ?? stage.platform }]
        : []
    }),
  )
  const keys = needs.map((need) => `${need.context} ${targetKey(need)}`)
  return needs.filter((_, index) => keys.indexOf(keys[index]!) === index)
}

/** What a BuildKit node may allow, and the engine of this machine never does. */
function checkAllowedHere(allow: readonly string[]): void {
  const refused = allow.find((name) => name !== NETWORK_HOST)
  if (refused === undefined) return
  throw new XbuildError(
    'BAD_OPTION',
    refused === 'security.insecure'
      ? `Cannot allow "${refused}" here: xbuild never runs a step without its seccomp profile and capability limits`
      : `Cannot allow "${refused}" here: this engine gives steps no devices of the host`,
    { hint: 'Leave it out, or build on BuildKit nodes alone with --builder' },
  )
}

/** The stage graph of a target platform with its options. */
export function graphOf(
  dockerfile: Dockerfile,
  { buildArgs, proxies, buildContexts, target: targetStage, pinned }: CompleteOptions,
  facts: Pick<GraphOptions, 'target' | 'buildPlatform' | 'triggers'>,
): ReturnType<typeof buildStageGraph> {
  return buildStageGraph(dockerfile, {
    ...facts,
    buildArgs: withProxies({ buildArgs, proxies }),
    ...contextNames(buildContexts),
    ...compact({ targetStage, pinned }),
  })
}

/** An error about what a line of xbuild.yaml names points at that line. */
async function placed<T>(work: Promise<T>, at: SourcePosition | undefined): Promise<T> {
  return work.catch((thrown: unknown) => {
    const error = toXbuildError(thrown)
    if (!at || error.at) throw error
    throw error.with({ at })
  })
}

/** A stage that is not there is the mistake of the line that asks for it. */
function blamed(diagnostic: Diagnostic, override: PlatformOverride | undefined): Diagnostic {
  const at = diagnostic.rule === 'unknown-target' && override?.target !== undefined ? override.at?.target : undefined
  return at ? { ...diagnostic, at } : diagnostic
}

/** Names that no FROM and no --from has: the platform would be built on something else than its line says. */
function unusedBases(dockerfile: Dockerfile, override: PlatformOverride | undefined): Diagnostic[] {
  const at = override?.at?.base
  if (!at || !override.bases) return []
  const words = dockerfile.stages.flatMap(({ name, from, instructions }) => [
    from.image,
    ...(name === undefined ? [] : [name]),
    ...instructions.flatMap((one) => ('from' in one && typeof one.from === 'string' ? [one.from] : [])),
  ])
  // A variable may stand for any name, and mounts have one inside
  if (
    words.some((word) => word.includes('$')) ||
    dockerfile.stages.some(({ instructions }) =>
      instructions.some((one) => one.kind === 'run' && one.mounts.length > 0),
    )
  )
    return []
  const unused = Object.keys(override.bases).filter(
    (base) => !words.some((word) => contextNamed(word, [base]) !== undefined),
  )
  return unused.map((base) => ({
    rule: 'unused-base',
    severity: 'error',
    message: `Cannot replace the base image "${base}": no FROM in ${dockerfile.file} names it`,
    at,
    hint: `FROM names ${[...new Set(dockerfile.stages.map(({ from }) => from.image))].join(', ')}`,
  }))
}

/** Warnings are told; errors end the build, all of them at once. */
export function check(diagnostics: readonly Diagnostic[], emit: Emit): void {
  const distinct = distinctDiagnostics(diagnostics)
  // The name of a check is what turns it off.
  const textOf = ({ rule, message }: Diagnostic): string => (/^[A-Z]/.test(rule) ? `${rule}: ${message}` : message)
  const errors = distinct.filter(({ severity }) => severity === 'error')
  if (errors.length > 0)
    throw new DockerfileError(
      errors.length > 1 ? errors : errors.map((error) => ({ ...error, message: textOf(error) })),
    )
  for (const found of distinct) emit({ type: 'warning', message: textOf(found), source: found.at, at: Date.now() })
}
