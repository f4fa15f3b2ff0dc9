import { XbuildError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { blobsOf, type AnyManifest } from '../oci/any-manifest.ts'

/** One thing that is wrong with an image. */
export interface Problem {
  /** `warning`: readers manage, or differ. */
  readonly level: 'error' | 'warning'
  /** The digest of what is wrong. */
  readonly digest: string
  readonly message: string
}

/** What a check finds while it goes through an image. */
export interface Findings {
  add(level: Problem['level'], digest: string, message: string): void
  /** Runs a check; what it finds wrong with content is a problem, what prevents it is an error. */
  tell(digest: string, work: () => Promise<void>): Promise<void>
  /** Counts a manifest, and notes what it names. */
  noteManifest(manifest: AnyManifest): void
  readonly blobs: ReadonlyMap<string, Descriptor>
  manifests(): number
  /** Errors first. */
  problems(): readonly Problem[]
}

const OF_CONTENT: ReadonlySet<string> = new Set([
  'NOT_FOUND',
  'BAD_IMAGE',
  'DIGEST_MISMATCH',
  'UNSUPPORTED',
  'BAD_REFERENCE',
])

/** `manifests` are counted already. */
export function createFindings({
  manifests: known,
  signal,
}: {
  readonly manifests: number
  readonly signal: AbortSignal
}): Findings {
  const problems: Problem[] = []
  const blobs = new Map<string, Descriptor>()
  let manifests = known
  const add = (level: Problem['level'], digest: string, message: string) =>
    void problems.push({ level, digest, message })
  return {
    add,
    async tell(digest, work) {
      try {
        await work()
      } catch (error) {
        if (!(error instanceof XbuildError) || signal.aborted || !OF_CONTENT.has(error.code)) throw error
        add('error', digest, error.code === 'NOT_FOUND' ? 'is missing' : error.message)
      }
    },
    noteManifest(manifest) {
      manifests++
      for (const blob of blobsOf(manifest)) {
        const other = blobs.get(blob.digest)
        if (other && other.size !== blob.size)
          add('error', blob.digest, `is ${other.size} bytes for one manifest and ${blob.size} for another`)
        blobs.set(blob.digest, blob)
      }
    },
    blobs,
    manifests: () => manifests,
    problems: () =>
      problems.toSorted((a, b) =>
        a.level === b.level ? (a.digest < b.digest ? -1 : 1) : a.level === 'error' ? -1 : 1,
      ),
  }
}
