import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { type AttestForm, provenanceOf, sbomOf } from '../config/attest.ts'
import type { LoadTargets } from '../nodes/load-targets.ts'
import type { Attestation } from '../oci/attestation.ts'
import { publish } from '../publish/publish.ts'
import type { PublishOptions, PublishResult } from '../publish/publish-options.ts'
import type { Settled } from '../run/outcome.ts'
import type { Attested, AttestEdges } from './attest.ts'
import type { Ledger } from './ledger.ts'
import type { Session } from './open.ts'
import { keepPublication } from './publication.ts'
import type { SessionEdges } from './secrecy.ts'
import type { TagGate } from './tag-gate.ts'
import type { BuiltPart, SessionRequest } from './types.ts'

/** What publishing an image looks at beside the session. */
export interface PublishEdges
  extends Omit<AttestEdges, 'hide'>,
    Pick<SessionEdges, 'emit' | 'stdout' | 'secrecy' | 'invocation'> {
  readonly loads: LoadTargets | undefined
  readonly ledger: Ledger
  /** What the caller will be told of it. */
  readonly part: BuiltPart
  /** Absent: nothing is pushed. */
  readonly gate: TagGate | undefined
  readonly sign: PublishOptions['sign']
}

/**
 * Attests how the platforms of one image came to be, assembles them, and writes the image where its options say. When
 * any of that fails, no tag of the session moves.
 */
export async function publishImage(
  session: Session,
  request: SessionRequest,
  settled: Settled,
  edges: PublishEdges,
): Promise<PublishResult> {
  try {
    return await publishAttested(session, request, settled, edges)
  } catch (error) {
    edges.gate?.failed(request, error)
    throw error
  }
}

async function publishAttested(
  session: Session,
  request: SessionRequest,
  settled: Settled,
  edges: PublishEdges,
): Promise<PublishResult> {
  const { image, options, outputs } = request
  const { loads, emit, signal, stdout, gate, ledger, part, sign } = edges
  const { cwd, sourceDateEpoch, metadataFile, iidFile } = options
  const attested = await attestBuilt(options, settled, { ...edges, hide: edges.secrecy.text })
  const listing = sbomOf(options)
  const listed = listing
    ? await (await import('./list-contents.ts')).listContents(options, settled.built, {
        store: session.store,
        emit,
        signal,
        started: edges.started,
      })
    : undefined
  const publishOptions: PublishOptions = {
    ...outputs,
    images: settled.built.map((built) => ({
      platform: built.job.target,
      image: built.image,
      attestations: [
        ...(attested?.of ? [inForm(attested.of(built), provenanceOf(options)?.form)] : []),
        ...(listed?.of(built) ?? []).map((one) => inForm(one, listing?.form)),
      ],
    })),
    missing: settled.missing,
    packs: session.services.packs.all(image),
    starts: session.services.starts.all(image),
    ...compact({ provenance: attested?.summaries, loadTarget: loads?.get }),
    registry: async () => session.registry,
    store: session.store,
    tagging: taggingOf(options),
    ...compact({ sign, before: gate?.before }),
    stdout,
    emit,
    signal,
    ...compact({ image, sourceDateEpoch }),
    ...(metadataFile === undefined ? {} : { metadataFile: resolve(cwd, metadataFile) }),
    ...(iidFile === undefined ? {} : { iidFile: resolve(cwd, iidFile) }),
  }
  const progress = keepPublication({ ledger, store: session.store }, { image, options, outputs }, publishOptions, part)
  const missing = settled.missing.map(({ platform }) => platform)
  return publish({
    ...publishOptions,
    ...compact({ progress }),
    ...(gate
      ? { moveTags: gate.moveTags(request, missing) }
      : { tagging: taggingOf({ ...options, ...request.allowed }) }),
  })
}

/** An attestation that is kept where it is asked for. */
function inForm(attestation: Attestation, form: AttestForm | undefined): Attestation {
  return form === 'referrers' ? { ...attestation, form } : attestation
}

/** How the images came to be, when that is asked for or a metadata file tells it: code that most builds never load. */
async function attestBuilt(
  options: SessionRequest['options'],
  { built }: Settled,
  edges: AttestEdges & Pick<PublishEdges, 'invocation'>,
): Promise<Partial<Attested> | undefined> {
  const wanted = provenanceOf(options)
  const isTold = (options.metadataFile ?? edges.invocation?.metadataFile) !== undefined
  if (!wanted && !isTold) return undefined
  const { attest, summarize } = await import('./attest.ts')
  return wanted ? attest(wanted, built, edges) : { summaries: await summarize(built, edges) }
}

/** What tags may lose: for whoever publishes the image later, without this session. */
function taggingOf({ append, force, allowPlatformDrop }: SessionRequest['options']): PublishOptions['tagging'] {
  return {
    ...(append ? { append } : {}),
    ...(force ? { force } : {}),
    ...(allowPlatformDrop ? { allowPlatformDrop } : {}),
  }
}
