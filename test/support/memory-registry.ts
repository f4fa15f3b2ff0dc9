import { Readable } from 'node:stream'
import { XbuildError } from '../../src/errors.ts'
import { sha256 } from '../../src/oci/digest.ts'
import type { Reference } from '../../src/oci/reference.ts'
import type { RegistryClient } from '../../src/registry/types.ts'

/** A registry in memory that is as strict as a real one: a manifest is refused while something it names is missing. */
export interface MemoryRegistry extends RegistryClient {
  /** What was asked of it, in order: `blob a.example/x sha256:...`, `manifest a.example/x:1`. */
  readonly log: readonly string[]
  /** Tag or digest -> bytes, by `host/repository`. */
  manifestsOf(repository: string): Map<string, Buffer>
  blobsOf(repository: string): Map<string, Buffer>
}

/** Makes one; `failOn` turns the matching line of the log into an error, of an HTTP status where one is given. */
export function memoryRegistry(options: { failOn?: RegExp; status?: number } = {}): MemoryRegistry {
  const blobs = new Map<string, Map<string, Buffer>>()
  const manifests = new Map<string, Map<string, Buffer>>()
  const log: string[] = []
  const nameOf = (ref: Reference) => `${ref.host}/${ref.repository}`
  const of = (all: Map<string, Map<string, Buffer>>, name: string) =>
    all.get(name) ?? all.set(name, new Map()).get(name)!
  const note = (line: string) => {
    log.push(line)
    if (!options.failOn?.test(line)) return
    const facts = options.status === undefined ? {} : { httpStatus: options.status }
    throw new XbuildError('REGISTRY', `Cannot do "${line}": 500 Internal Server Error`, { facts })
  }
  return {
    log,
    manifestsOf: (name) => of(manifests, name),
    blobsOf: (name) => of(blobs, name),
    manifest: async (ref) => {
      const bytes = of(manifests, nameOf(ref)).get(ref.tag ?? ref.digest ?? '')
      if (!bytes) throw new XbuildError('NOT_FOUND', `Cannot find "${nameOf(ref)}"`)
      return {
        descriptor: { mediaType: JSON.parse(bytes.toString()).mediaType, digest: sha256(bytes), size: bytes.length },
        bytes,
      }
    },
    blob: async (ref, { digest }) => {
      const bytes = of(blobs, nameOf(ref)).get(digest)
      if (!bytes) throw new XbuildError('NOT_FOUND', `Cannot find "${digest}" in "${nameOf(ref)}"`)
      return Readable.from([bytes])
    },
    referrers: async (ref, subject) => {
      const own = [...of(manifests, nameOf(ref))].flatMap(([name, bytes]) => {
        const { subject: named, mediaType, artifactType } = JSON.parse(bytes.toString())
        return named?.digest === subject && name.startsWith('sha256:')
          ? [{ mediaType, artifactType, digest: sha256(bytes), size: bytes.length }]
          : []
      })
      return { listed: true, manifests: own }
    },
    checkPush: async () => undefined,
    hasBlob: async (ref, descriptor) => of(blobs, nameOf(ref)).has(descriptor.digest),
    pushBlob: async (ref, descriptor, { open, mountFrom = [], onProgress, signal }) => {
      signal.throwIfAborted()
      const name = nameOf(ref)
      if (of(blobs, name).has(descriptor.digest)) return 'exists'
      const origin = mountFrom.find((other) => of(blobs, `${ref.host}/${other}`).has(descriptor.digest))
      if (origin !== undefined) {
        note(`mount ${name} ${descriptor.digest} from ${origin}`)
        of(blobs, name).set(descriptor.digest, of(blobs, `${ref.host}/${origin}`).get(descriptor.digest)!)
        return 'mounted'
      }
      note(`blob ${name} ${descriptor.digest}`)
      const chunks: Buffer[] = []
      for await (const chunk of await open()) chunks.push(Buffer.from(chunk))
      const bytes = Buffer.concat(chunks)
      if (sha256(bytes) !== descriptor.digest)
        throw new XbuildError('DIGEST_MISMATCH', 'Cannot store a blob: wrong digest')
      onProgress?.(bytes.length, bytes.length)
      of(blobs, name).set(descriptor.digest, bytes)
      return 'uploaded'
    },
    pushManifest: async (ref, { bytes, descriptor }, { signal }) => {
      signal.throwIfAborted()
      const name = nameOf(ref)
      const { config, layers = [], manifests: children = [] } = JSON.parse(bytes.toString())
      for (const blob of [...(config ? [config] : []), ...layers]) {
        if (!of(blobs, name).has(blob.digest))
          throw new XbuildError('REGISTRY', `Cannot put a manifest: blob "${blob.digest}" is unknown`)
      }
      for (const child of children) {
        if (!of(manifests, name).has(child.digest))
          throw new XbuildError('REGISTRY', `Cannot put an index: manifest "${child.digest}" is unknown`)
      }
      note(`manifest ${name}${ref.tag ? `:${ref.tag}` : `@${ref.digest}`}`)
      of(manifests, name).set(ref.tag ?? descriptor.digest, bytes)
    },
    close: async () => {},
  }
}
