import { compact } from '../compact.ts'
import type { Attestation } from '../oci/attestation.ts'
import type { ProvenanceFacts, StageFacts } from './facts.ts'

/** The parameters mean what BuildKit says of its own. */
const BUILD_TYPE = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md'
const BUILD_TYPE_02 = 'https://mobyproject.org/buildkit@v1'
const EXTENSION_02 = 'https://mobyproject.org/buildkit@v1#'

/** What both versions of the predicate are written from. */
interface Common {
  readonly request: Readonly<Record<string, unknown>>
  readonly isRequestWhole: boolean
  readonly buildConfig: { readonly steps: readonly unknown[] } | undefined
  /** How stages were built: our own part of what BuildKit has no word for. */
  readonly xbuild: unknown
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * The provenance of one image (slsa.dev/spec/v1.1/provenance, or v0.2), as BuildKit writes it, and how its stages
 * were built under `xbuild`.
 */
export function makeProvenance(facts: ProvenanceFacts): Attestation {
  const { version, filename, inlineOnly } = facts.options
  const common = commonOf(facts)
  const is1 = version === 'v1'
  return {
    predicateType: is1 ? 'https://slsa.dev/provenance/v1' : 'https://slsa.dev/provenance/v0.2',
    predicate: is1 ? predicate1(facts, common) : predicate02(facts, common),
    ...(inlineOnly ? {} : { file: filename }),
  }
}

/** What buildx puts into its metadata file: always in the form of v0.2; `min` leaves out steps and metadata. */
export function provenanceSummary(facts: ProvenanceFacts, mode: 'min' | 'max'): unknown {
  const { buildConfig, metadata, ...rest } = predicate02(facts, commonOf(facts))
  return mode === 'min' ? rest : { ...rest, ...compact({ buildConfig }), metadata }
}

function commonOf(facts: ProvenanceFacts): Common {
  const {
    options: { mode },
    request: { frontend, args, secrets, ssh, locals },
    steps,
    stages,
    offered,
    version,
  } = facts
  const max = mode === 'max'
  const kept = Object.entries(args).filter(([name]) => max || !/^(?:build-arg:|label:|add-hosts$|cmdline$)/.test(name))
  return {
    request: {
      frontend,
      ...(kept.length > 0 ? { args: Object.fromEntries(kept) } : {}),
      ...(max && secrets.length > 0 ? { secrets } : {}),
      ...(max && ssh.length > 0 ? { ssh } : {}),
      ...(locals.length > 0 ? { locals } : {}),
    },
    isRequestWhole: kept.length === Object.keys(args).length,
    buildConfig: max ? { steps: steps.map(({ lines: _, ...step }) => step) } : undefined,
    xbuild: {
      version,
      stages: max ? stages : stages.map(withoutNode),
      ...(offered.length > 0 ? { packsOffered: offered } : {}),
    },
    metadata: { ...(max ? { source: sourceOf(facts) } : {}), ...compact({ vcs: facts.vcs }) },
  }
}

/** Names of machines are nobody's business where little is to be told. */
function withoutNode({ node: _, ...stage }: StageFacts): StageFacts {
  return stage
}

/** The Dockerfile, and where in it each step is, in BuildKit's form. */
function sourceOf({ steps, dockerfile: { name, text } }: ProvenanceFacts): unknown {
  const locations = steps.map(({ id, lines }) => [
    id,
    { locations: [{ ranges: [{ start: { line: lines.start }, end: { line: lines.end } }] }] },
  ])
  return {
    locations: Object.fromEntries(locations),
    infos: [{ filename: name, language: 'Dockerfile', data: Buffer.from(text).toString('base64') }],
  }
}

function predicate1(facts: ProvenanceFacts, { request, isRequestWhole, buildConfig, xbuild, metadata }: Common) {
  const { options, configSource, builderPlatform, resources, version, run, complete, hermetic } = facts
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: { configSource, request },
      internalParameters: { ...compact({ buildConfig }), builderPlatform, xbuild },
      resolvedDependencies: resources,
    },
    runDetails: {
      builder: { id: options.builderId, version: { xbuild: version } },
      metadata: {
        ...(run
          ? { invocationId: run.id, startedOn: run.started.toISOString(), finishedOn: run.finished.toISOString() }
          : {}),
        buildkit_metadata: metadata,
        ...(hermetic ? { buildkit_hermetic: true } : {}),
        buildkit_completeness: { request: isRequestWhole, resolvedDependencies: complete },
        ...(options.reproducible ? { buildkit_reproducible: true } : {}),
      },
    },
  }
}

function predicate02(facts: ProvenanceFacts, { request, isRequestWhole, buildConfig, xbuild, metadata }: Common) {
  const {
    options,
    configSource: { uri, digest, path },
    builderPlatform,
    resources,
    run,
    complete,
    hermetic,
  } = facts
  return {
    builder: { id: options.builderId },
    buildType: BUILD_TYPE_02,
    materials: resources,
    invocation: {
      configSource: compact({ uri, digest, entryPoint: path }),
      parameters: request,
      environment: { platform: builderPlatform, xbuild },
    },
    ...compact({ buildConfig }),
    metadata: {
      ...(run
        ? {
            buildInvocationID: run.id,
            buildStartedOn: run.started.toISOString(),
            buildFinishedOn: run.finished.toISOString(),
          }
        : {}),
      completeness: { parameters: isRequestWhole, environment: true, materials: complete },
      reproducible: options.reproducible,
      ...(hermetic ? { [`${EXTENSION_02}hermetic`]: true } : {}),
      [`${EXTENSION_02}metadata`]: metadata,
    },
  }
}
