import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CacheSource, CacheTarget } from '../../config/cache.ts'
import type { GhaSettings } from '../../config/gha-cache.ts'
import { writeFileAtomic } from '../../host/files.ts'
import { MEDIA_TYPE, type Descriptor } from '../../oci/descriptor.ts'
import { sha256 } from '../../oci/digest.ts'
import { parseIndex } from '../../oci/read-manifest.ts'
import { formatReference, parseReference } from '../../oci/reference.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import type { RemoteBuild } from '../remote-build.ts'
import type { BuildkitFacts } from './facts.ts'
import { layoutContents, type Contents } from './session/contents.ts'

/** A cache as the control API names it. */
export interface CacheEntry {
  readonly Type: string
  readonly Attrs: Readonly<Record<string, string>>
}

/** The caches of one job. */
export interface JobCaches {
  readonly imports: readonly CacheEntry[]
  readonly exports: readonly CacheEntry[]
  /** Writes what makes a folder a layout, once the daemon has written its blobs; takes what the daemon answered. */
  finish(answer: Readonly<Record<string, string>>): Promise<void>
}

export interface CacheOptions {
  readonly build: RemoteBuild
  readonly facts: BuildkitFacts
  readonly platform: Platform
  readonly stores: Map<string, Contents>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly warn: (message: string) => void
}

/**
 * Where a job reads and writes caches. Each platform has a place of its own, so that builds of several never overwrite
 * each other; what lies at the place itself is read too. The steps of our own engine are others than BuildKit's: their
 * places differ.
 */
export async function jobCaches(options: CacheOptions): Promise<JobCaches> {
  const { cacheFrom, cacheTo } = options.build.options
  const imports = (await Promise.all(cacheFrom.map((source) => importsOf(source, options)))).flat()
  const exported = cacheTo.flatMap((target) => exportOf(target, options) ?? [])
  return {
    imports,
    exports: exported.map(({ entry }) => entry),
    async finish(answer) {
      const folders = exported.flatMap(({ folder }) => folder ?? [])
      const manifest =
        folders.length > 0 && answer['cache.manifest']
          ? (JSON.parse(answer['cache.manifest']) as Descriptor)
          : undefined
      if (!manifest) return
      const index = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.index,
        manifests: [
          { ...manifest, annotations: { ...manifest.annotations, 'org.opencontainers.image.ref.name': 'latest' } },
        ],
      }
      for (const folder of folders) {
        await writeFileAtomic(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
        await writeFileAtomic(join(folder, 'index.json'), JSON.stringify(index))
      }
    },
  }
}

async function importsOf(
  source: CacheSource,
  { build, platform, stores, env, warn }: CacheOptions,
): Promise<CacheEntry[]> {
  switch (source.type) {
    case 'registry':
      return [taggedFor(source.ref, platform), source.ref].map((ref) => ({
        Type: 'registry',
        Attrs: { ref: full(ref) },
      }))
    case 'gha':
      return ghaEntry(source, platform, { env, warn })
    case 'local': {
      const path = resolve(build.options.cwd, source.src)
      const found = await Promise.all(
        [folderFor(path, platform), path].map(async (folder) => ({ folder, digest: await manifestIn(folder) })),
      )
      return found.flatMap(({ folder, digest }) =>
        digest === undefined ? [] : [{ Type: 'local', Attrs: { src: offer(stores, folder, false), digest } }],
      )
    }
  }
}

/** Digest of the cache in a folder; undefined when there is none. */
async function manifestIn(folder: string): Promise<string | undefined> {
  const bytes = await readFile(join(folder, 'index.json')).catch(() => undefined)
  if (!bytes) return undefined
  const { manifests } = parseIndex(bytes, { mediaType: MEDIA_TYPE.index, digest: sha256(bytes), size: bytes.length })
  return (
    manifests.find(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === 'latest') ?? manifests[0]
  )?.digest
}

function exportOf(target: CacheTarget, options: CacheOptions): { entry: CacheEntry; folder?: string } | undefined {
  const { build, facts, platform, stores, env, warn } = options
  if (target.type === 'inline') return { entry: { Type: 'inline', Attrs: {} } }
  if (!facts.givesOci) {
    warn(
      `No cache is written for ${formatPlatform(platform)}: an engine without the containerd image store takes type=inline only`,
    )
    return undefined
  }
  // A failed export never fails a build
  const common = { mode: target.mode, 'ignore-error': 'true' }
  if (target.type === 'registry')
    return {
      entry: {
        Type: 'registry',
        Attrs: {
          ...common,
          ref: full(taggedFor(target.ref, platform)),
          'oci-mediatypes': 'true',
          'image-manifest': 'true',
        },
      },
    }
  if (target.type === 'gha') {
    if (target.maxSize !== undefined)
      warn(`The cache of ${formatPlatform(platform)} has no max-size=: BuildKit writes it, and knows no limit`)
    const [entry] = ghaEntry(target, platform, { env, warn })
    return entry && { entry: { ...entry, Attrs: { ...common, ...entry.Attrs } } }
  }
  const folder = folderFor(resolve(build.options.cwd, target.dest), platform)
  return {
    entry: {
      Type: 'local',
      Attrs: { ...common, dest: offer(stores, folder, true), 'oci-mediatypes': 'true', 'image-manifest': 'true' },
    },
    folder,
  }
}

function ghaEntry(
  { scope = 'xbuild', url, token, timeout }: GhaSettings,
  platform: Platform,
  { env, warn }: { env: CacheOptions['env']; warn: (message: string) => void },
): CacheEntry[] {
  const address = url ?? env['ACTIONS_RESULTS_URL']
  const key = token ?? env['ACTIONS_RUNTIME_TOKEN']
  if (!address || !key) {
    warn('The cache of type=gha is not used: there is no ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN')
    return []
  }
  return [
    {
      Type: 'gha',
      Attrs: {
        scope: `${scope}-${suffixOf(platform)}`,
        url_v2: address,
        url: address,
        token: key,
        version: '2',
        ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }),
      },
    },
  ]
}

/** A name under which the daemon reaches a folder of this machine; the folder's own is none of its business. */
function offer(stores: Map<string, Contents>, folder: string, writable: boolean): string {
  const name = `${writable ? 'to' : 'from'}-${sha256(folder).slice(7, 27)}`
  stores.set(`local:${name}`, layoutContents(folder, { writable }))
  return name
}

const suffixOf = (platform: Platform) => `buildkit-${formatPlatform(platform).replaceAll(/[^A-Za-z0-9_.]+/g, '-')}`

const folderFor = (path: string, platform: Platform) => join(path, suffixOf(platform))

const MOST_OF_A_TAG = 128

function taggedFor(text: string, platform: Platform): string {
  const { host, repository, tag, digest } = parseReference(text)
  if (digest) return text
  const suffix = suffixOf(platform)
  return formatReference({
    host,
    repository,
    tag: `${(tag ?? 'latest').slice(0, MOST_OF_A_TAG - 1 - suffix.length)}-${suffix}`,
  })
}

const full = (text: string) => formatReference(parseReference(text))
