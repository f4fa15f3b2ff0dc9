import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Digest } from '../oci/descriptor.ts'
import { readJson, type JsonField } from '../oci/json-reader.ts'
import { parseReference } from '../oci/reference.ts'
import { formatPlatform, parsePlatform } from '../platform.ts'

/** What a leg leaves in its folder when it has ended well. */
export interface LegFile {
  /** Like `linux/arm64`. */
  readonly platforms: readonly string[]
  /** The image, or the index over several. */
  readonly digest: Digest
  /** Which image of several it is a part of. */
  readonly image?: string
  /** Repository that holds it, like `ghcr.io/octo/app`; absent: it lies beside the file. */
  readonly repository?: string
}

/** The name of that file; the image lies in `image` beside it, as an OCI layout. */
export const LEG_FILE = 'leg.json'
/** The folder of the image. */
export const LEG_IMAGE = 'image'

const VERSION = 1
/** More than any such file has. */
export const MOST_LEG_BYTES: number = 1 << 16

/** The file as text. */
export function formatLeg({ platforms, digest, image, repository }: LegFile): string {
  return `${JSON.stringify({ version: VERSION, image, platforms, digest, repository }, null, 2)}\n`
}

/** Reads such a file, which comes from another machine; `path` names it. Throws BAD_IMAGE. */
export function parseLeg(bytes: Uint8Array, path: string): LegFile {
  const json = readJson(bytes, { what: `leg "${path}"`, maxBytes: MOST_LEG_BYTES })
  const version = json.get('version').size()
  if (version !== VERSION) json.get('version').fail(`is ${version}: another version of xbuild wrote it`)
  const field = json.get('digest')
  const digest = field.string()
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) field.fail('is not a digest')
  const platforms = json.get('platforms').items()
  if (platforms.length === 0) json.get('platforms').fail('is empty')
  const image = json.get('image').optional((one) => one.string())
  const repository = json.get('repository').optional((one) => repositoryIn(one))
  return {
    platforms: platforms.map((one) => formatPlatform(parsePlatform(one.string()))),
    digest: digest as Digest,
    ...compact({ image, repository }),
  }
}

function repositoryIn(field: JsonField): string {
  return parseRepository(field.string()) ?? field.fail('is more than a repository')
}

/** A repository like `ghcr.io/octo/app` in its full form; undefined with a tag or a digest. Throws BAD_REFERENCE. */
export function parseRepository(text: string): string | undefined {
  if (/@|:[^/]*$/.test(text)) return undefined
  const { host, repository } = parseReference(text)
  return `${host}/${repository}`
}

/** A leg, and the folder that it was found in. */
export interface FoundLeg extends LegFile {
  readonly folder: string
}

/**
 * Checks that the legs are one image: each platform once, and all that are expected; `image` names it among several.
 * Throws BAD_OPTION for a platform that two legs built, NOT_FOUND with the platforms that are missing.
 */
export function checkLegs(legs: readonly FoundLeg[], expected: readonly string[], image?: string): void {
  const what = image === undefined ? '' : ` ${image}`
  const found = new Map<string, string>()
  for (const { platforms, folder } of legs)
    for (const platform of platforms) {
      const other = found.get(platform)
      if (other !== undefined)
        throw new XbuildError('BAD_OPTION', `Cannot merge${what}: ${platform} is in "${other}" and in "${folder}"`, {
          hint: 'Name the folders of one build only',
        })
      found.set(platform, folder)
    }
  const missing = expected.filter((platform) => !found.has(platform))
  if (missing.length > 0)
    throw new XbuildError('NOT_FOUND', `Cannot merge${what}: ${missing.join(', ')} is missing, no tag was moved`, {
      hint: `Run the failed ${missing.length === 1 ? 'leg' : 'legs'} again, then xbuild ci merge with all folders`,
    })
}
