import { createHash } from 'node:crypto'
import { packagePurl } from './purl.ts'
import type { ImagePackages, PlacedPackage } from './image-packages.ts'

/** What a document says of the image as a whole. */
export interface Described {
  readonly name: string
  /** Of its manifest, like `sha256:...`. */
  readonly digest: string
  readonly platform: string
  /** Of xbuild. */
  readonly version: string
  readonly created: Date
}

/**
 * An SPDX 2.3 document in JSON (spdx.github.io/spdx-spec/v2.3) of what an image is made of. The same image gives the
 * same document, but for its time.
 */
export function spdxDocument(image: ImagePackages, { name, digest, platform, version, created }: Described): unknown {
  const [algorithm, hex] = digest.split(':') as [string, string]
  const packages = image.packages.map((one) => spdxPackage(one, image))
  const root = {
    SPDXID: 'SPDXRef-Image',
    name,
    versionInfo: digest,
    downloadLocation: NONE,
    filesAnalyzed: false,
    licenseConcluded: NONE,
    licenseDeclared: NONE,
    copyrightText: NONE,
    primaryPackagePurpose: 'CONTAINER',
    checksums: [{ algorithm: algorithm.toUpperCase(), checksumValue: hex }],
    comment: `Image manifest for ${platform}`,
  }
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:uuid:${uuidOf(JSON.stringify([digest, version, packages]))}`,
    creationInfo: {
      created: created.toISOString().replace(/\.\d+Z$/, 'Z'),
      creators: [`Tool: xbuild-${version}`],
    },
    ...(commentOf(image) ? { comment: commentOf(image) } : {}),
    packages: [root, ...packages],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relatedSpdxElement: root.SPDXID, relationshipType: 'DESCRIBES' },
      ...packages.map(({ SPDXID }) => ({
        spdxElementId: root.SPDXID,
        relatedSpdxElement: SPDXID,
        relationshipType: 'CONTAINS',
      })),
    ],
  }
}

const NONE = 'NOASSERTION'

function spdxPackage(one: PlacedPackage, { release }: ImagePackages) {
  const { ecosystem, name, version, architecture, license, source, paths } = one
  const purl = packagePurl(one, release)
  const id = createHash('sha256').update(purl).digest('hex').slice(0, 16)
  const about = [
    ...(source === undefined ? [] : [`Source package: ${source}`]),
    ...(architecture === undefined ? [] : [`Architecture: ${architecture}`]),
  ]
  const isKnown = license !== undefined && isExpression(license)
  return {
    SPDXID: `SPDXRef-Package-${ecosystem}-${name.replaceAll(/[^A-Za-z0-9.-]+/g, '-').slice(0, 100)}-${id}`,
    name,
    versionInfo: version,
    downloadLocation: NONE,
    filesAnalyzed: false,
    licenseConcluded: NONE,
    licenseDeclared: isKnown ? license : NONE,
    ...(license !== undefined && !isKnown ? { licenseComments: `The package declares: ${license}` } : {}),
    copyrightText: NONE,
    sourceInfo: `named in ${paths.slice(0, MOST_PATHS).join(', ')}${paths.length > MOST_PATHS ? ` and ${paths.length - MOST_PATHS} more` : ''}`,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
    ...(about.length > 0 ? { comment: about.join('. ') } : {}),
  }
}

const MOST_PATHS = 5

function commentOf({ unread, isCut }: ImagePackages): string | undefined {
  const gaps = [
    ...(unread.length > 0 ? [`Not read: ${unread.join(', ')}.`] : []),
    ...(isCut ? ['A layer has more packages than are listed.'] : []),
  ]
  return gaps.length > 0 ? gaps.join(' ') : undefined
}

/** Licenses that most packages have, by their short names on the SPDX License List. */
const LICENSES: ReadonlySet<string> = new Set(
  (
    '0BSD AFL-2.1 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-1.0 Artistic-2.0 BlueOak-1.0.0 BSD-2-Clause ' +
    'BSD-3-Clause BSD-4-Clause BSL-1.0 CC-BY-3.0 CC-BY-4.0 CC0-1.0 EPL-2.0 GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later ' +
    'GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later ' +
    'MIT MIT-0 MPL-1.1 MPL-2.0 OpenSSL PSF-2.0 Python-2.0 Unicode-3.0 Unlicense Vim WTFPL X11 Zlib curl'
  ).split(' '),
)

/** Whether a text is an expression of such licenses (annex D of the specification). */
function isExpression(text: string): boolean {
  const words = text.split(/\s+(?:AND|OR)\s+/)
  return words.every((word) => LICENSES.has(word))
}

/** A UUID of its own making (RFC 9562, version 8) for a text. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
