import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { rememberFiles } from '../content/layer-programs.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import type { Layer } from '../content/layer-chain.ts'
import type { PackResult } from './protocol.ts'
import type { Workers } from './workers.ts'

/** Keeps snapshots and packed layers in step with each other: each is made from the other when it is missing. */
export interface Layers {
  /** Whether the layer can still be had, as a folder or as a blob. */
  isThere(layer: Layer): Promise<boolean>
  /** Snapshot ids, bottom first, all of them unpacked. */
  unpacked(chain: readonly Layer[], signal: AbortSignal): Promise<string[]>
  /** The blob of the last layer of a chain. */
  packed(chain: readonly Layer[], signal: AbortSignal): Promise<{ descriptor: Descriptor; diffId: string }>
}

/**
 * A tar archive without entries, packed: the bytes that Docker and BuildKit have for it, which every registry has
 * already.
 */
const EMPTY_LAYER = Buffer.from('1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000', 'hex')
const EMPTY_DIFF_ID = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'

async function emptyLayer(store: Store): Promise<{ descriptor: Descriptor; diffId: string }> {
  return { descriptor: await store.blobs.put(EMPTY_LAYER, MEDIA_TYPE.layerGzip), diffId: EMPTY_DIFF_ID }
}

/** Where the store remembers how a layer was packed; `stamp` is SOURCE_DATE_EPOCH or nothing. */
export function packKey(layer: Layer, stamp: string): string {
  return keyOf(['pack', 1, layer.contentKey ?? layer.id, stamp])
}

/** As many lower folders as the kernel takes in one overlay mount. */
const MOST_LOWERS = 500
/** As many are made into one when there are more: the chain then grows a while before that must be done again. */
const AT_A_TIME = 400

/** A name for a snapshot that nobody has yet. */
export function newSnapshotId(): string {
  return randomBytes(12).toString('hex')
}

export function createLayers({
  store,
  workers,
  sourceDateEpoch,
}: {
  store: Store
  workers: Workers
  sourceDateEpoch?: number
}): Layers {
  const unpacking = new Map<string, Promise<void>>()
  const flattening = new Map<string, Promise<void>>()
  const packing = new Map<string, Promise<PackResult>>()
  const stamp = sourceDateEpoch === undefined ? '' : String(sourceDateEpoch)
  const hasFolder = (layer: Layer) => existsSync(join(store.folder.snapshots, layer.id))

  async function knownPack(layer: Layer): Promise<PackResult | undefined> {
    const known = await store.records.get<PackResult>('packs', packKey(layer, stamp))
    if (!known || known.empty === true) return known
    // A record that was tampered with, or written by another version, is no record.
    if (typeof known.descriptor?.digest !== 'string' || typeof known.diffId !== 'string') return undefined
    return (await store.blobs.has(known.descriptor.digest, known.descriptor.size)) ? known : undefined
  }

  async function unpackOne(layer: Layer, below: readonly Layer[], signal: AbortSignal): Promise<void> {
    const blob = layer.image
      ? { descriptor: layer.image.descriptor, diffId: layer.image.diffId }
      : await knownPack(layer)
    if (!blob || ('empty' in blob && blob.empty))
      throw new XbuildError('STORE', `Cannot use the snapshot "${layer.id}": it is no longer in the store`, {
        hint: 'Build again with --no-cache',
      })
    const { descriptor, diffId } = blob as { descriptor: Descriptor; diffId: string }
    await layer.image?.fetch(signal)
    const worker = await workers.native()
    const lowers = await mountable(
      below.filter((one) => !one.empty).map((one) => one.id),
      signal,
    )
    const { files } = await worker.call(
      'apply',
      { id: layer.id, lowers, blob: store.blobs.path(descriptor.digest), mediaType: descriptor.mediaType, diffId },
      { signal },
    )
    await rememberFiles(store, descriptor.digest, files)
  }

  /** The same file system in no more snapshots than can be mounted: beyond that the lowest become one. */
  async function mountable(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (ids.length <= MOST_LOWERS) return [...ids]
    const lowest = ids.slice(0, AT_A_TIME)
    const id = keyOf(['flat', lowest]).slice(0, 24)
    const running = flattening.get(id) ?? flatten(id, lowest, signal)
    flattening.set(id, running)
    await running.finally(() => flattening.delete(id))
    return mountable([id, ...ids.slice(AT_A_TIME)], signal)
  }

  async function flatten(id: string, lowers: readonly string[], signal: AbortSignal): Promise<void> {
    if (existsSync(join(store.folder.snapshots, id))) return
    const worker = await workers.native()
    await worker.call('flatten', { id, lowers }, { signal })
  }

  return {
    async isThere(layer) {
      return layer.empty || layer.image !== undefined || hasFolder(layer) || (await knownPack(layer)) !== undefined
    },

    async unpacked(chain, signal) {
      const missing = chain.filter((layer) => !layer.empty && !hasFolder(layer))
      await Promise.all(missing.map((layer) => layer.image?.fetch(signal)))
      for (const [index, layer] of chain.entries()) {
        if (layer.empty || hasFolder(layer)) continue
        const running = unpacking.get(layer.id) ?? unpackOne(layer, chain.slice(0, index), signal)
        unpacking.set(layer.id, running)
        await running.finally(() => unpacking.delete(layer.id))
      }
      return mountable(
        chain.filter((layer) => !layer.empty).map((layer) => layer.id),
        signal,
      )
    },

    async packed(chain, signal) {
      const layer = chain.at(-1)!
      if (layer.empty) return emptyLayer(store)
      if (layer.image && !layer.repack) return { descriptor: layer.image.descriptor, diffId: layer.image.diffId }
      const key = packKey(layer, stamp)
      const running =
        packing.get(key) ??
        (async () => {
          const known = await knownPack(layer)
          if (known) return known
          if (layer.image) await this.unpacked(chain, signal)
          const lowers = await this.unpacked(chain.slice(0, -1), signal)
          const worker = await workers.native()
          const result = await worker.call(
            'pack',
            { id: layer.id, lowers, ...compact({ sourceDateEpoch }) },
            { signal },
          )
          const { files, ...packed } = { files: undefined, ...result }
          if (files && !result.empty) await rememberFiles(store, result.descriptor.digest, files)
          await store.records.put('packs', key, { ...packed, of: layer.contentKey ?? layer.id })
          return result
        })()
      packing.set(key, running)
      running.catch(() => packing.delete(key))
      const result = await running
      return result.empty ? emptyLayer(store) : result
    },
  }
}
