import { randomUUID } from 'node:crypto'
import { basename, relative, resolve } from 'node:path'
import { compact } from '../compact.ts'
import { version } from '../version.ts'
import { DEFAULT_PROVENANCE, type ProvenanceOptions } from '../config/attest.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import { parseRemote } from '../dockerfile/remote.ts'
import type { TargetBuild } from '../driver/target.ts'
import { graphWhere } from './graph-where.ts'
import type { Attestation } from '../oci/attestation.ts'
import { sameTarget, targetOfJob } from '../plan/target-id.ts'
import { formatPlatform, platformOfNodeArch } from '../platform.ts'
import type { Prepared } from './plan.ts'
import type { BuildRecord, ProvenanceFacts } from '../provenance/facts.ts'
import { makeProvenance, provenanceSummary } from '../provenance/predicate.ts'
import { remoteResource, resourcesOf } from '../provenance/resources.ts'
import { requestOf } from '../provenance/request.ts'
import { packFacts, stagesOf } from '../provenance/stages.ts'
import { stepsOf } from '../provenance/steps.ts'
import { readsOf } from '../provenance/reads.ts'
import type { Settled } from '../run/outcome.ts'
import { revisionOf } from '../source/vcs.ts'
import { hiddenIn } from './secrecy.ts'

type Built = Settled['built'][number]

/** What is told of a build, whoever built which of its images. */
export interface AttestEdges {
  readonly prepared: Prepared
  readonly env: Readonly<Record<string, string | undefined>>
  /** Takes secrets out of what steps were told. */
  readonly hide: (text: string) => string
  readonly started: Date
  readonly signal: AbortSignal
}

/** What is said of each image. */
export interface Attested {
  readonly of: (built: Built) => Attestation
  /** For the metadata file, by platform; nothing when the environment says so. */
  readonly summaries: ReadonlyMap<string, unknown>
}

/** What a metadata file tells of images of which nothing is attested, by platform. */
export async function summarize(built: readonly Built[], edges: AttestEdges): Promise<Attested['summaries']> {
  const mode = summaryMode(edges.env['BUILDX_METADATA_PROVENANCE'])
  return mode ? (await attest({ ...DEFAULT_PROVENANCE, mode }, built, edges)).summaries : new Map()
}

/** Finds out how each image of a build came to be: from the plan, and from what the engines that built them know. */
export async function attest(
  options: ProvenanceOptions,
  built: readonly Built[],
  edges: AttestEdges,
): Promise<Attested> {
  const { prepared, env, hide, started, signal } = edges
  const first = prepared.targets.find(({ image }) => image === built[0]!.job.image)
  const { cwd, context, sourceDateEpoch } = first!.options
  const remote = context === '-' ? undefined : parseRemote(context, { byUser: true })
  const isFolder = !remote && context !== '-'
  const vcs =
    isFolder && !isOff(env['BUILDX_GIT_INFO']) ? await revisionOf(resolve(cwd, context), { env, signal }) : undefined
  // Equal builds are to give equal bytes
  const run = sourceDateEpoch === undefined ? { id: randomUUID(), started, finished: new Date() } : undefined
  const facts = new Map(
    await Promise.all(built.map(async (one) => [formatPlatform(one.job.target), await factsOf(one)] as const)),
  )
  const mode = summaryMode(env['BUILDX_METADATA_PROVENANCE'])
  return {
    of: ({ job }) => makeProvenance(facts.get(formatPlatform(job.target))!),
    summaries: new Map(mode ? [...facts].map(([platform, one]) => [platform, provenanceSummary(one, mode)]) : []),
  }

  async function factsOf({ job, image }: Built): Promise<ProvenanceFacts> {
    const target = prepared.targets.find((one) => sameTarget(one, targetOfJob(job)))!
    // What an earlier run made on a node would be made there in the same way again
    const there = prepared.all.find(({ name }) => name === (image.earlier?.node ?? job.decision.strategy.node))
    const node = there ?? prepared.all.find(({ name }) => name === job.decision.strategy.node)!
    const graph = graphWhere(target, node.native[0] ?? target.graph.buildPlatform)
    const record = image.earlier ? undefined : await image.record?.({ signal })
    const known: BuildRecord = record ?? {
      ...readsOf(graph, target.options, { context: remote, bases: image.madeOf?.bases }),
      packs: new Map(),
    }
    const plain = options.mode === 'min'
    const resources = resourcesOf(known, { plain })
    const request = requestOf(target.options, { dockerfile: target.dockerfile, graph, isFolder, hide })
    const complete =
      record !== undefined && request.locals.length === 0 && context !== '-' && resources.every(({ digest }) => digest)
    const jobs = prepared.plan.jobs.filter((one) => one.image === job.image)
    const stages = stagesOf(graph, { plan: { ...prepared.plan, jobs }, node, packs: known.packs })
    return {
      options,
      version: version(),
      builderPlatform: formatPlatform(node.native[0] ?? platformOfNodeArch(process.arch)),
      configSource: { ...sourceOf(known, plain), path: pathIn(target, isFolder) },
      request,
      resources,
      complete,
      hermetic: complete && !reachesNetwork(graph, target.dockerfile, target.options.network),
      stages: there ? stages : stages.map(({ stage, platform }) => ({ stage, platform })),
      offered: record ? [] : (image.packs ?? []).map(packFacts),
      steps: hiddenIn(stepsOf(graph), hide),
      dockerfile: { name: pathIn(target, isFolder), text: hide(target.file.text) },
      ...compact({ vcs: vcs && hiddenIn({ ...vcs }, hide), run }),
    }
  }

  /** The context, when it came from elsewhere. */
  function sourceOf({ remotes }: BuildRecord, plain: boolean): ProvenanceFacts['configSource'] {
    if (!remote) return {}
    const found = remotes.find((one) => one.remote.kind === remote.kind && one.remote.url === remote.url)
    return remoteResource(found?.remote ?? remote, found?.digest ?? '', plain)
  }
}

/** The Dockerfile as the context knows it; of a file elsewhere only the name. */
function pathIn({ options, file }: TargetBuild, isFolder: boolean): string {
  if (file.path !== undefined) {
    const path = relative(resolve(options.cwd, options.context), file.path)
    return isFolder && !path.startsWith('..') ? path : basename(file.path)
  }
  if (options.file !== undefined && options.file !== '-' && !parseRemote(options.file)) return options.file
  const [name] = /[\w.-]+$/.exec(file.shown) ?? []
  return name ?? 'Dockerfile'
}

function reachesNetwork(
  { stages }: StageGraph,
  { frontend }: Dockerfile,
  network: TargetBuild['options']['network'],
): boolean {
  return (
    frontend !== undefined ||
    stages.some(({ stage }) =>
      stage.instructions.some(
        (one) =>
          one.kind === 'run' &&
          ((one.network ?? 'default') === 'default' ? network !== 'none' : one.network !== 'none'),
      ),
    )
  )
}

function isOff(text: string | undefined): boolean {
  return /^(?:0|f|false)$/i.test(text ?? '')
}

/** As buildx reads it. */
function summaryMode(text: string | undefined): 'min' | 'max' | undefined {
  if (text === 'disabled' || isOff(text)) return undefined
  return text === 'max' ? 'max' : 'min'
}
