import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { BlobSource } from '../content/built-image.ts'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { sha256 } from '../oci/digest.ts'
import { forEachLimited } from '../host/pool.ts'
import { openManifest, readCache } from './document.ts'
import { createCacheService, type CacheService } from './gha-service.ts'
import { platformName, type CachePlace, type LoadedCache } from './place.ts'

export interface GhaOptions {
  readonly scope: string
  readonly url?: string
  readonly token?: string
}

/** Two JSON documents of steps; far above any real one. */
const MAX_INDEX_BYTES = 12 * 1024 * 1024
const UPLOADS = 4

/**
 * Caches in GitHub's cache service, for builds inside of a workflow. Entries there never change and are found by the
 * beginning of
 * their name, newest first: a layer is an entry named by its digest, and every export adds an entry that lists the
 * steps of a platform.
 */
export function ghaPlace(
  options: GhaOptions,
  { env }: { env: Readonly<Record<string, string | undefined>> },
): CachePlace {
  const name = `GitHub's cache service, scope ${options.scope}`
  let connected: Promise<CacheService> | undefined
  const service = () => (connected ??= connect(options, env, name))
  const indexPrefix = (platform: string) => `xbuild-index#${encodeURIComponent(options.scope)}#${platform}#`
  const blobKey = (descriptor: Descriptor) => `xbuild-blob#${descriptor.digest}`

  async function loadOne(platform: string, signal: AbortSignal): Promise<LoadedCache[]> {
    const prefix = indexPrefix(platform)
    const url = await (await service()).find(prefix, [prefix], signal)
    if (!url) return []
    const response = await (await service()).download(url, 0, signal)
    const bytes = await readUpTo(response, MAX_INDEX_BYTES)
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
    const url = await (await service()).find(blobKey(layer), [], signal)
    if (!url) throw new XbuildError('NOT_FOUND', `Cannot find layer ${layer.digest} in ${name}: it was evicted`)
    return (await service()).download(url, offset, signal)
  }

  async function saveLayer(layer: Descriptor, layers: BlobSource, signal: AbortSignal): Promise<void> {
    if (await (await service()).find(blobKey(layer), [], signal)) return
    await (await service()).upload(
      blobKey(layer),
      { length: layer.size, open: async () => (await layers.read(layer)) as Readable },
      signal,
    )
  }

  return {
    name,
    async load(platforms, signal) {
      return (
        await Promise.all([...new Set(platforms.map(platformName))].map((platform) => loadOne(platform, signal)))
      ).flat()
    },
    async save(platform, cache, layers, signal) {
      await forEachLimited(cache.layers, { limit: UPLOADS, signal }, (layer, inner) => saveLayer(layer, layers, inner))
      const bytes = Buffer.concat([cache.manifest.bytes, Buffer.from('\n'), cache.config.bytes])
      const key = `${indexPrefix(platformName(platform))}${Date.now()}-${process.pid}`
      await (await service()).upload(
        key,
        { length: bytes.length, open: async () => Readable.from([bytes], { objectMode: false }) },
        signal,
      )
    },
  }
}

async function connect(
  { url, token }: GhaOptions,
  env: Readonly<Record<string, string | undefined>>,
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
  return createCacheService({ url: place, token: right, env })
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
