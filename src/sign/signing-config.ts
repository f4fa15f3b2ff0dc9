import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'

/** The services of a signing configuration that are taken. */
export interface SigningServices {
  readonly fulcioUrl: string
  readonly rekorUrl: string
  readonly rekorVersion: RekorVersion
  readonly timestampUrl?: string
}

/** The version of Rekor's API. */
export type RekorVersion = 1 | 2

interface Service {
  readonly url: string
  readonly majorApiVersion?: number
  readonly validFor?: { readonly start?: string; readonly end?: string }
}

/**
 * Reads `application/vnd.dev.sigstore.signingconfig.v0.2+json`: of the services that are valid `now` the newest of the
 * highest version that is known here. Throws NOT_FOUND, BAD_OPTION.
 */
export async function readSigningConfig(
  name: string,
  { cwd, now }: { readonly cwd: string; readonly now: Date },
): Promise<SigningServices> {
  const bytes = await readFile(resolve(cwd, name)).catch((cause: unknown) => {
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot read signing configuration "${name}": it is not there, or cannot be read`,
      {
        cause,
      },
    )
  })
  try {
    const { caUrls, rekorTlogUrls, tsaUrls } = JSON.parse(bytes.toString()) as Record<
      string,
      readonly Service[] | undefined
    >
    const authority = choose(caUrls, [1], now)
    const log = choose(rekorTlogUrls, [2, 1], now)
    if (!authority || !log) throw new Error('it has no valid certificate authority, or no log of a known version')
    const clock = choose(tsaUrls, [1], now)
    return compact({
      fulcioUrl: authority.url,
      rekorUrl: log.url,
      rekorVersion: log.majorApiVersion === 2 ? (2 as const) : (1 as const),
      timestampUrl: clock?.url,
    })
  } catch (cause) {
    throw new XbuildError('BAD_OPTION', `Cannot use signing configuration "${name}": ${(cause as Error).message}`, {
      cause,
      hint: 'It must be what "cosign signing-config create" writes',
    })
  }
}

function choose(services: readonly Service[] = [], versions: readonly number[], now: Date): Service | undefined {
  const isValid = ({ url, validFor: { start, end } = {} }: Service) =>
    /^https?:/i.test(url) &&
    (start === undefined || new Date(start) <= now) &&
    (end === undefined || new Date(end) >= now)
  const startOf = ({ validFor }: Service) => Date.parse(validFor?.start ?? '') || 0
  const valid = services.filter(isValid).toSorted((a, b) => startOf(b) - startOf(a))
  return versions.map((version) => valid.find(({ majorApiVersion = 1 }) => majorApiVersion === version)).find(Boolean)
}
