import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { BlobSource } from '../content/built-image.ts'
import type { GhaSettings } from '../config/gha-cache.ts'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { sha256 } from '../oci/digest.ts'
import { once } from '../host/once.ts'
import { forEachLimited } from '../host/pool.ts'
import { openManifest, readCache } from './document.ts'
import { createCacheService, type CacheService } from './gha-service.ts'
import { platformName, type CachePlace, type LoadedCache } from './place.ts'
import { streamWithin, within } from './time-limit.ts'

/** Two JSON documents of steps; far above any real one. */
const MAX_INDEX_BYTES = 12 * 1024 * 1024
const UPLOADS = 4
/** Milliseconds that all of reading, and all of writing, may take; as BuildKit has it. */
const TIMEOUT = 600_000
/** A layer that comes more slowly is made anew: milliseconds at first, and bytes in each millisecond after that. */
const LAYER_START = 30_000
const SLOWEST = 256
/** A longer scope is told apart by its digest: names have 512 characters at most. */
const MOST_OF_A_SCOPE = 200

/**
 * Caches in GitHub's cache service, for builds inside of a workflow. Entries there never change and are found by the
 * beginning of their name, newest first: a layer is an entry named by its digest, and every export adds an entry that
 * lists the steps of a platform.
 */
export function ghaPlace(options: GhaSettings, { env, services }: GhaEdges): CachePlace {
  const { scope = 'xbuild', olderScope, timeout = TIMEOUT } = options
  const name = `GitHub's cache service, scope ${scope}`
  const service = once(async () => connect(options, { env, services }, name))
  const deadlines = new Map<string, number>()
  const blobKey = (descriptor: Descriptor) => `xbuild-blob#${descriptor.digest}`

  async function loadOne(platform: string, signal: AbortSignal): Promise<LoadedCache[]> {
    const prefixes = [scope, ...(olderScope === undefined ? [] : [olderScope])].map((one) => prefixOf(one, platform))
    const found = await (await service()).find(prefixes[0]!, prefixes, signal)
    if (!found) return []
    const bytes = await within(
      { ms: Math.min(timeout, LAYER_START), what: 'reading the list of steps', signal },
      async (limited) => readUpTo(await (await service()).download(found.url, 0, limited), MAX_INDEX_BYTES),
    )
    const end = bytes.indexOf('\n')
    const [manifest, config] = [bytes.subarray(0, Math.max(0, end)), bytes.subarray(end + 1)]
    const opened = openManifest(manifest, {
      mediaType: MEDIA_TYPE.manifest,
      digest: sha256(manifest),
      size: manifest.length,
    })
    if (sha256(config) !== opened.config.digest)
      throw new XbuildError('DIGEST_MISMATCH', `Cannot use the cache of ${name}: its list of steps is damaged`)
    const document = readCache(config, opened)
    return document ? [{ document, open: openLayer }] : []
  }

  async function openLayer(layer: Descriptor, offset: number, signal: AbortSignal): Promise<NodeJS.ReadableStream> {
    const found = await findLayer(layer, signal)
    if (!found) throw new XbuildError('NOT_FOUND', `Cannot find layer ${layer.digest} in ${name}: it was evicted`)
    const deadline = deadlines.get(layer.digest) ?? Date.now() + Math.min(timeout, LAYER_START + layer.size / SLOWEST)
    deadlines.set(layer.digest, deadline)
    return streamWithin(
      { ms: Math.max(1, Math.round(deadline - Date.now())), what: `layer ${layer.digest}`, signal },
      async (limited) => (await service()).download(found.url, offset, limited),
    )
  }

  /** A name may be taken by an upload that was ended in the middle: such a layer gets another one. */
  async function saveLayer(layer: Descriptor, layers: BlobSource, signal: AbortSignal): Promise<void> {
    const body = { length: layer.size, open: async () => (await layers.read(layer)) as Readable }
    if (await findLayer(layer, signal)) return
    if (await (await service()).upload(blobKey(layer), body, signal)) return
    if (await findLayer(layer, signal)) return
    await (await service()).upload(`${blobKey(layer)}#${randomUUID()}`, body, signal)
  }

  async function findLayer(layer: Descriptor, signal: AbortSignal) {
    return (await service()).find(blobKey(layer), [`${blobKey(layer)}#`], signal)
  }

  return {
    name,
    async load(platforms, signal) {
      return (
        await Promise.all([...new Set(platforms.map(platformName))].map((platform) => loadOne(platform, signal)))
      ).flat()
    },
    save: (platform, cache, layers, signal) =>
      within({ ms: timeout, what: 'writing the cache', signal }, async (limited) => {
        await forEachLimited(cache.layers, { limit: UPLOADS, signal: limited }, (layer, inner) =>
          saveLayer(layer, layers, inner),
        )
        const prefix = prefixOf(scope, platformName(platform))
        const own = cache.manifest.descriptor.digest.slice('sha256:'.length).slice(0, 32)
        const newest = await (await service()).find(prefix, [prefix], limited)
        // What is there already need not be written again
        if (newest?.key.endsWith(`-${own}`)) return
        const bytes = Buffer.concat([cache.manifest.bytes, Buffer.from('\n'), cache.config.bytes])
        const open = async () => Readable.from([bytes], { objectMode: false })
        await (await service()).upload(`${prefix}${Date.now()}-${own}`, { length: bytes.length, open }, limited)
      }),
  }
}

/** The beginning of the names of the lists of steps of a platform. */
function prefixOf(scope: string, platform: string): string {
  const written = encodeURIComponent(scope)
  return `xbuild-index#${written.length > MOST_OF_A_SCOPE ? sha256(scope) : written}#${platform}#`
}

/** What places of one session have in common. */
export interface GhaEdges {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The services that were connected to, by their addresses and tokens: what is gone is gone for all. */
  readonly services?: Map<string, CacheService> | undefined
}

async function connect(
  { url, token, timeout }: GhaSettings,
  { env, services }: GhaEdges,
  name: string,
): Promise<CacheService> {
  const place = url ?? env['ACTIONS_RESULTS_URL']
  const right = token ?? env['ACTIONS_RUNTIME_TOKEN']
  if (!place || !right) {
    throw new XbuildError(
      'HOST',
      `Cannot use ${name}: ${place ? 'ACTIONS_RUNTIME_TOKEN' : 'ACTIONS_RESULTS_URL'} is not set`,
      {
        hint: 'Run xbuild in a step of a GitHub workflow that sets both variables',
      },
    )
  }
  const key = JSON.stringify([place, right, timeout])
  const service =
    services?.get(key) ?? createCacheService({ url: place, token: right, env, ...(timeout ? { timeout } : {}) })
  services?.set(key, service)
  return service
}

async function readUpTo(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit)
      throw new XbuildError('BAD_IMAGE', `Cannot read a list of cached steps: it has more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
