import type { LayoutFiles } from '../content/layout-files.ts'
import { originOfFiles, readLayoutIndex } from '../content/layout-origin.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseDigest } from '../oci/digest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { parseAny } from '../oci/any-manifest.ts'
import { readDocument, type ImageSource } from './source.ts'

/** An image of an OCI layout; `close` lets go of whatever its files are read from. */
export function layoutSource(
  files: LayoutFiles,
  name: string | undefined,
  close: () => Promise<void> = async () => {},
): ImageSource {
  const origin = originOfFiles(files, name)
  let subjects: Promise<readonly (readonly [subject: string, entry: Descriptor])[]> | undefined

  /** Entries of the layout that say something of others: a layout has no other list of them. */
  async function findSubjects(signal: AbortSignal): Promise<readonly (readonly [string, Descriptor])[]> {
    const { entries } = await readLayoutIndex(files)
    const found: (readonly [string, Descriptor])[] = []
    for (const entry of new Map(entries.map((one) => [one.digest, one])).values()) {
      if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) continue
      const { descriptor, bytes } = await readDocument(origin, entry, signal)
      const { subject } = parseAny(bytes, descriptor)
      if (subject) found.push([subject.digest, entry])
    }
    return found
  }

  return {
    ...origin,
    async blobSize({ digest }) {
      const found = await files.stat(['blobs', ...parseDigest(digest).split(':')].join('/'))
      return found?.isFile ? found.size : undefined
    },
    async referrers(digest, signal) {
      const all = await (subjects ??= findSubjects(signal))
      return { listed: true, manifests: all.flatMap(([subject, entry]) => (subject === digest ? [entry] : [])) }
    },
    close,
  }
}
