import { digestHex, parseDigest } from '../../../oci/digest.ts'
import type { Store } from '../../../store/store.ts'

/**
 * Which blobs of the store a node has had itself: it wrote them, now or in an earlier build. Whoever knows a digest
 * alone is not told whether the blob is there, and cannot make it a part of a result, which others would be given.
 */
export interface GivenBlobs {
  /** Whether the blob is there, and the node has written it. */
  has(digest: string): Promise<boolean>
  /** Whether the node has written it in this session. */
  isNew(digest: string): boolean
  /** Takes over a finished file of the node, whose digest was computed. */
  adopt(file: string, digest: string): Promise<void>
}

/** Nodes that are remembered for one blob. */
const MOST_NODES = 8
const KIND = 'givers'

interface Givers {
  /** The blob: the record goes with it. */
  readonly of: string
  readonly nodes: readonly string[]
}

/** What a node, known by its endpoint, has given. */
export function givenBlobs({ blobs, records }: Pick<Store, 'blobs' | 'records'>, endpoint: string): GivenBlobs {
  const written = new Set<string>()
  const key = (digest: string) => digestHex(parseDigest(digest))
  const nodesOf = async (digest: string) => (await records.get<Givers>(KIND, key(digest)))?.nodes ?? []
  return {
    has: async (digest) =>
      (written.has(digest) || (await nodesOf(digest)).includes(endpoint)) && (await blobs.has(digest)),
    isNew: (digest) => written.has(digest),
    async adopt(file, digest) {
      await blobs.adopt(file, digest)
      written.add(digest)
      const others = (await nodesOf(digest)).filter((node) => node !== endpoint)
      const givers: Givers = { of: digest, nodes: [...others, endpoint].slice(-MOST_NODES) }
      await records.put(KIND, key(digest), givers)
    },
  }
}
