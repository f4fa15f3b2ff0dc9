import { setTimeout } from 'node:timers/promises'
import { sha256 } from '../../src/oci/digest.ts'

const ACCEPT = ['index.v1', 'manifest.v1']
  .map((kind) => `application/vnd.oci.image.${kind}+json`)
  .concat(['manifest.list.v2', 'manifest.v2'].map((kind) => `application/vnd.docker.distribution.${kind}+json`))
  .join(', ')

interface Described {
  readonly digest: string
  readonly size: number
  readonly mediaType: string
}

/** Looks at a registry without any of the program's own code but the hash. */
export interface RegistryReader {
  /** The digest that a tag has, by its bytes; undefined when it is not there. */
  tag(repository: string, tag: string): Promise<string | undefined>
  /** What is wrong with a tag or digest: everything that it leads to is read and hashed. */
  problems(repository: string, reference: string): Promise<readonly string[]>
}

/** A reader of the registry at `host`; content that was read once is there by its digest. */
export function registryReader(host: string): RegistryReader {
  const sound = new Set<string>()

  async function get(repository: string, path: string, tries = 20): Promise<Buffer | undefined> {
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers: { accept: ACCEPT } })
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 404) return undefined
    // docker-registry answers so while it writes the tag that a client has put, who may be gone by now
    if (answer.status === 500 && tries > 1) {
      await setTimeout(100)
      return get(repository, path, tries - 1)
    }
    if (answer.status !== 200) throw new Error(`${path} of ${repository}: ${answer.status} ${bytes.toString()}`)
    return bytes
  }

  async function check(repository: string, { digest, size }: Described, kind: string): Promise<string[]> {
    const key = `${repository} ${kind} ${digest}`
    if (sound.has(key)) return []
    const bytes = await get(repository, `${kind}/${digest}`)
    if (!bytes) return [`${kind} ${digest} is missing`]
    if (bytes.length !== size) return [`${kind} ${digest} has ${bytes.length} bytes, not ${size}`]
    if (sha256(bytes) !== digest) return [`${kind} ${digest} has the digest ${sha256(bytes)}`]
    const found = kind === 'manifests' ? await within(repository, bytes) : []
    if (found.length === 0) sound.add(key)
    return found
  }

  async function within(repository: string, bytes: Buffer): Promise<string[]> {
    const {
      manifests = [],
      config,
      layers = [],
    } = JSON.parse(bytes.toString()) as {
      manifests?: Described[]
      config?: Described
      layers?: Described[]
    }
    const parts = await Promise.all([
      ...manifests.map((one) => check(repository, one, 'manifests')),
      ...[...(config ? [config] : []), ...layers].map((one) => check(repository, one, 'blobs')),
    ])
    return parts.flat()
  }

  return {
    async tag(repository, tag) {
      const bytes = await get(repository, `manifests/${tag}`)
      return bytes && sha256(bytes)
    },
    async problems(repository, reference) {
      const bytes = await get(repository, `manifests/${reference}`)
      if (!bytes) return [`${reference} is missing`]
      if (reference.startsWith('sha256:') && sha256(bytes) !== reference) return [`${reference} has other bytes`]
      return within(repository, bytes)
    },
  }
}
