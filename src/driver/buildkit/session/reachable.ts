import { createHash } from 'node:crypto'
import { parseDigest } from '../../../oci/digest.ts'
import type { Contents } from './contents.ts'

/** Manifests and indexes are not longer. Bytes. */
const MOST_OF_A_DOCUMENT = 8 << 20
/** An image has hardly more documents: one for each platform, and what is attested of it. */
const MOST_DOCUMENTS = 2_000

/** An image, or the list of some, as what it consists of: nothing else of where it lies is given out. */
export async function reachableContents(contents: Contents, root: string): Promise<Contents> {
  const known = new Set<string>()
  const documents = [root]
  for (const digest of documents) {
    if (known.has(digest) || known.size > MOST_DOCUMENTS * 100) continue
    known.add(digest)
    const { manifests, parts } = await readDocument(contents, digest)
    for (const part of parts) known.add(part)
    if (documents.length < MOST_DOCUMENTS) documents.push(...manifests)
  }
  return {
    size: async (digest) => (known.has(digest) ? contents.size(digest) : undefined),
    read: contents.read,
  }
}

interface Document {
  readonly manifests: readonly string[]
  readonly parts: readonly string[]
}

const NOTHING: Document = { manifests: [], parts: [] }

/** What a document names; the manifest of a platform that is not there names nothing. */
async function readDocument(contents: Contents, digest: string): Promise<Document> {
  const size = await contents.size(digest)
  if (size === undefined || size === 0 || size > MOST_OF_A_DOCUMENT) return NOTHING
  const chunks: Buffer[] = []
  for await (const chunk of await contents.read(digest, { start: 0, end: size - 1 })) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const [algorithm = '', hex] = digest.split(':')
  if (createHash(algorithm).update(bytes).digest('hex') !== hex) return NOTHING
  try {
    const { manifests, config, layers } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    return { manifests: digestsOf(manifests), parts: [...digestsOf([config]), ...digestsOf(layers)] }
  } catch {
    return NOTHING
  }
}

function digestsOf(list: unknown): string[] {
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
    try {
      return [parseDigest((entry as { readonly digest: string }).digest)]
    } catch {
      return []
    }
  })
}
