import { XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Digest } from '../oci/descriptor.ts'
import { digestHex } from '../oci/digest.ts'
import type { Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/types.ts'
import { addReferrers } from './add-referrers.ts'
import type { Content, ImageSet } from './image-set.ts'

/** What a push needs. */
export interface PushOptions {
  readonly registry: RegistryClient
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Tags that name the root already: it is in their repositories, and is not put there again. */
  readonly tagged?: readonly Reference[]
  /** Told of each tag that the registry has moved. */
  readonly onMoved?: (ref: string, digest: Digest) => void
}

/** Blobs of one repository on their way at a time. */
const UPLOADS = 6

/**
 * Brings everything but the tags into every repository: missing blobs, then the manifest of each platform by digest,
 * then the index by digest. Registries are served side by side; repositories of one registry one after the other, so
 * that the later ones mount the blobs of the first.
 */
export async function upload(set: ImageSet, tags: readonly Reference[], options: PushOptions): Promise<void> {
  const registries = groupByHost(tags)
  await forEachLimited(
    registries,
    { limit: registries.length, signal: options.signal },
    async (repositories, signal) => {
      const done: string[] = []
      for (const target of repositories) {
        await uploadTo(set, target, { ...options, signal, mountFrom: done })
        done.push(target.repository)
      }
    },
  )
}

/** The repositories that tags name, each once, by registry. */
function groupByHost(tags: readonly Reference[]): Reference[][] {
  const hosts = new Map<string, Map<string, Reference>>()
  for (const { host, repository } of tags) {
    const repositories = hosts.get(host) ?? new Map<string, Reference>()
    hosts.set(host, repositories.set(repository, { host, repository }))
  }
  return [...hosts.values()].map((repositories) => [...repositories.values()])
}

async function uploadTo(
  set: ImageSet,
  target: Reference,
  options: PushOptions & { readonly mountFrom: readonly string[] },
): Promise<void> {
  const { registry, signal } = options
  const children = set.manifests.filter((document) => document !== set.root)
  const isTagged = (options.tagged ?? []).some(
    ({ host, repository }) => host === target.host && repository === target.repository,
  )
  // One below a root that is there may have been removed by itself
  const missing = isTagged ? await missingOf(children, target, options) : children
  // A registry keeps the blobs of the manifests that it has; referrers may be new where the image is not
  if (!isTagged || missing.length > 0 || (set.referrers ?? []).length > 0)
    await forEachLimited(set.blobs, { limit: UPLOADS, signal }, (content, inner) =>
      uploadBlob(content, target, { ...options, signal: inner }),
    )
  const byDigest = (document: ImageSet['root'], inner: AbortSignal) =>
    registry.pushManifest(
      { host: target.host, repository: target.repository, digest: document.descriptor.digest },
      document,
      {
        signal: inner,
      },
    )
  await forEachLimited(missing, { limit: UPLOADS, signal }, byDigest)
  if (!isTagged) await byDigest(set.root, signal)
  await forEachLimited(set.referrers ?? [], { limit: UPLOADS, signal }, async ({ subject, manifest }, inner) => {
    await byDigest(manifest, inner)
    await addReferrers(target, { subject: subject.digest, added: [manifest.descriptor] }, { registry, signal: inner })
  })
}

async function missingOf(
  documents: ImageSet['manifests'],
  target: Reference,
  { registry, signal }: Pick<PushOptions, 'registry' | 'signal'>,
): Promise<ImageSet['manifests'][number][]> {
  const missing: ImageSet['manifests'][number][] = []
  await forEachLimited(documents, { limit: UPLOADS, signal }, async (document, inner) => {
    if (!(await hasManifest(target, document, { registry, signal: inner }))) missing.push(document)
  })
  return missing
}

async function hasManifest(
  { host, repository }: Reference,
  { descriptor: { digest } }: ImageSet['root'],
  { registry, signal }: Pick<PushOptions, 'registry' | 'signal'>,
): Promise<boolean> {
  return registry.manifest({ host, repository, digest }, { signal, direct: true }).then(
    () => true,
    (error: unknown) => {
      signal.throwIfAborted()
      return !(error instanceof XbuildError) ? Promise.reject(error as Error) : false
    },
  )
}

async function uploadBlob(
  { descriptor, source }: Content,
  target: Reference,
  { registry, emit, signal, mountFrom }: PushOptions & { readonly mountFrom: readonly string[] },
): Promise<void> {
  const repository = `${target.host}/${target.repository}`
  const common = {
    type: 'transfer' as const,
    id: `push ${repository} ${descriptor.digest}`,
    name: `pushing ${digestHex(descriptor.digest).slice(0, 12)} to ${repository}`,
    total: descriptor.size,
  }
  let shown = 0
  const onProgress = (current: number) => {
    // A report per chunk would drown whoever reads the events
    if (current - shown < descriptor.size / 50 && current !== descriptor.size) return
    shown = current
    emit({ ...common, current, at: Date.now() })
  }
  const origins = (await source.origins(descriptor)).filter((origin) => origin.startsWith(`${target.host}/`))
  const others = [...mountFrom, ...origins.map((origin) => origin.slice(target.host.length + 1))]
  const outcome = await registry.pushBlob({ host: target.host, repository: target.repository }, descriptor, {
    signal,
    open: () => source.read(descriptor),
    mountFrom: [...new Set(others)].filter((name) => name !== target.repository),
    onProgress,
  })
  if (outcome === 'uploaded') emit({ ...common, current: descriptor.size, done: true, at: Date.now() })
}
