import { Readable } from 'node:stream'
import { compact } from '../compact.ts'
import type { AuditLevel, Output } from '../config/options.ts'
import type { BuiltImage } from '../content/built-image.ts'
import { fetchedLayerFiles } from '../content/fetched-layer-files.ts'
import { layerFilesOf } from '../content/layer-programs.ts'
import { describeFindings } from '../audit/describe.ts'
import { isFatal, type Finding } from '../audit/findings.ts'
import { mergeLayers } from '../audit/image-tree.ts'
import { judge, RULES } from '../audit/judge.ts'
import { canAudit } from '../audit/runs-on.ts'
import type { TargetBuild } from '../driver/target.ts'
import { readManifest } from '../content/read-blob.ts'
import type { Emit } from '../events.ts'
import { ignoreMatcher } from '../dockerfile/ignore.ts'
import { instructionOfLayer } from '../dockerfile/layer-instructions.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { sameTarget } from '../plan/target-id.ts'
import { formatPlatform, samePlatform, type Platform } from '../platform.ts'
import type { Settled } from '../run/outcome.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { SessionRequest } from './types.ts'

/** What an audit looks at beside the images. */
export interface AuditEdges {
  readonly store: Store
  readonly targets: readonly TargetBuild[]
  readonly emit: Emit
  readonly signal: AbortSignal
}

interface Audited {
  readonly platform: Platform
  readonly layers: readonly Descriptor[]
  readonly findings: readonly Finding[]
  readonly image: BuiltImage
  /** The number of a layer of which not all was kept, from 0. */
  readonly cut: number
}

/**
 * Compares every program of the images with the platform they will be published under. Throws WRONG_PROGRAM when
 * something starts a program that is wrong, unless the options say otherwise; nothing is published then, and what was
 * built stays in the store. Other findings are warnings, those of all platforms.
 */
export async function auditImages(
  { image: name, options }: SessionRequest,
  { built }: Settled,
  edges: AuditEdges,
): Promise<void> {
  const level = options.audit ?? defaultLevel(options.outputs)
  if (level === 'off') return
  const except = ignoreMatcher(options.auditExcept ?? [])
  const targetOf = (platform: Platform) => edges.targets.find((one) => sameTarget(one, { image: name, platform }))
  const all = await Promise.all(
    built
      .filter(({ job }) => canAudit(job.target))
      .map(async ({ job, image }) =>
        auditOne({ platform: job.target, image, target: targetOf(job.target) }, edges, (path) =>
          except.matches(path.slice(1)),
        ),
      ),
  )
  const errors: XbuildError[] = []
  for (const { platform, layers, findings, image, cut } of all) {
    if (cut >= 0)
      edges.emit({
        type: 'warning',
        message: `${formatPlatform(platform)}: not all programs were compared with the platform, layer ${cut + 1} has too many files`,
        at: Date.now(),
      })
    if (findings.length === 0) continue
    const target = targetOf(platform)
    const { message, hint, at } = describeFindings(findings, {
      platform: formatPlatform(platform),
      instruction: (layer) => target && instructionOfLayer(target.graph, image.config, layer),
      createdBy: (layer) => createdBy(image, layer),
      sharedWith: (layer) =>
        all
          .filter((other) => !samePlatform(other.platform, platform))
          .filter((other) => other.layers.some(({ digest }) => digest === layers[layer]?.digest))
          .map((other) => formatPlatform(other.platform)),
    })
    const started = findings.find(isFatal)
    if (level === 'error' && started) {
      const wayOut = `If it is right there, give --audit-except ${shellWord(started.path)}, or --audit=warn`
      const details = { hint: hint === undefined ? wayOut : `${hint}. ${wayOut}`, ...compact({ at }) }
      errors.push(new XbuildError('WRONG_PROGRAM', `Cannot publish ${message}`, details))
      continue
    }
    const source = at ? { source: at } : {}
    const said = hint === undefined ? message : `${message}. ${hint}`
    edges.emit({ type: 'warning', message: said, ...source, at: Date.now() })
  }
  const [error, ...more] = errors
  for (const { message, at } of more)
    edges.emit({ type: 'warning', message, ...compact({ source: at }), at: Date.now() })
  if (error) throw error
}

/** A path that a hostile image chose, as one word of a shell without control characters. */
function shellWord(path: string): string {
  return /^[\w./+@-]+$/.test(path) ? path : `'${JSON.stringify(path).slice(1, -1).replaceAll("'", '?')}'`
}

/** Folders and tar files are often a bag of programs for several systems: what they are started on is not known. */
function defaultLevel(outputs: readonly Output[] = []): AuditLevel {
  const isFiles = outputs.length > 0 && outputs.every(({ type }) => type === 'local' || type === 'tar')
  return isFiles ? 'warn' : 'error'
}

async function auditOne(
  { platform, image, target }: { platform: Platform; image: BuiltImage; target: TargetBuild | undefined },
  { store, signal, emit }: AuditEdges,
  isExcepted: (path: string) => boolean,
): Promise<Audited> {
  const fetched = async (layer: Descriptor, index: number) => {
    const open = async (offset: number) =>
      Readable.from(skipped((await image.blobs.read(layer)) as AsyncIterable<Buffer>, offset))
    return fetchedLayerFiles(layer, { store, signal, open }).catch((error: unknown) => {
      signal.throwIfAborted()
      const message = `${formatPlatform(platform)}: the programs of layer ${index + 1} were not compared with the platform: ${toXbuildError(error).message}`
      emit({ type: 'warning', message, at: Date.now() })
      return undefined
    })
  }
  const { layers } = await readManifest(image)
  const config = image.config.config ?? {}
  // What is judged is all in here: the same again has no findings either
  const key = keyOf(['audit', RULES, formatPlatform(platform), platform, config, layers.map(({ digest }) => digest)])
  if (await store.records.get('audits', key)) return { platform, layers, image, cut: -1, findings: [] }
  const files = await Promise.all(
    layers.map(async (layer, index) => {
      // What a node has pushed by itself. Nothing is fetched for an audit of base images that are not here, and of steps
      // that a cache knows: the build that ran them looked at them
      const isPushedByNode = image.chain === undefined && target !== undefined
      const isOwn = isPushedByNode && instructionOfLayer(target.graph, image.config, index) !== undefined
      return (await layerFilesOf(layer, { store, signal })) ?? (isOwn ? fetched(layer, index) : undefined)
    }),
  )
  const cut = files.findIndex((one) => one?.isCut)
  const isWhole = cut < 0 && files.every((one) => one !== undefined)
  const tree = mergeLayers(files.map((one) => one ?? NOTHING))
  const { findings } = judge({ platform, config, tree, isWhole })
  if (isWhole && findings.length === 0)
    await store.records.put('audits', key, { at: Date.now() }).catch(() => undefined)
  return { platform, layers, image, cut, findings: findings.filter(({ path }) => !isExcepted(path)) }
}

/** A stream from `offset` on, of one that begins at the start. */
async function* skipped(stream: AsyncIterable<Buffer>, offset: number): AsyncGenerator<Buffer> {
  let left = offset
  for await (const chunk of stream) {
    if (chunk.length > left) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.length)
  }
}

const NOTHING = { programs: [], symlinks: [], hardlinks: [], removed: [], opaque: [], others: [] }

function createdBy({ config: { history = [] } }: BuiltImage, layer: number): string | undefined {
  return history.filter(({ empty_layer }) => !empty_layer)[layer]?.created_by
}
