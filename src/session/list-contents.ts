import type { BuildOptions } from '../config/options.ts'
import { layerPackagesOf } from '../content/layer-contents.ts'
import { readManifest } from '../content/read-blob.ts'
import type { Emit } from '../events.ts'
import type { Attestation } from '../oci/attestation.ts'
import { familiarReference, parseReference } from '../oci/reference.ts'
import { formatPlatform } from '../platform.ts'
import type { Settled } from '../run/outcome.ts'
import { packagesOf, type ImagePackages } from '../sbom/image-packages.ts'
import { spdxDocument } from '../sbom/spdx.ts'
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'

type Built = Settled['built'][number]

/** What listing contents looks at beside the images. */
export interface ListEdges {
  readonly store: Store
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly started: Date
}

/** Lists the packages of each image, whoever built it, as an SPDX document. */
export async function listContents(
  { tags, sourceDateEpoch }: Pick<BuildOptions, 'tags' | 'sourceDateEpoch'>,
  built: readonly Built[],
  { store, emit, signal, started }: ListEdges,
): Promise<{ readonly of: (built: Built) => Attestation[] }> {
  const found = new Map<Built, Attestation>()
  const created = sourceDateEpoch === undefined ? started : new Date(sourceDateEpoch * 1000)
  for (const one of built) {
    const { image, job } = one
    const platform = formatPlatform(job.target)
    const { layers } = await readManifest(image)
    const packages = packagesOf(
      await Promise.all(layers.map(async (layer) => layerPackagesOf(layer, { store, blobs: image.blobs, signal }))),
    )
    for (const gap of gapsOf(packages)) emit({ type: 'warning', message: `${platform}: ${gap}`, at: Date.now() })
    const name = tags?.[0] ? familiarReference(parseReference(tags[0])) : image.descriptor.digest
    found.set(one, {
      predicateType: 'https://spdx.dev/Document',
      predicate: spdxDocument(packages, {
        name,
        digest: image.descriptor.digest,
        platform,
        version: version(),
        created,
      }),
      file: 'sbom.spdx.json',
    })
  }
  return { of: (one) => [found.get(one)!] }
}

function gapsOf({ unread, isCut }: ImagePackages): string[] {
  return [
    ...(unread.length > 0
      ? [`packages named in ${unread.join(', ')} are not in the list of contents: that form is not read`]
      : []),
    ...(isCut ? ['the list of contents has not all packages: a layer has too many files'] : []),
  ]
}
