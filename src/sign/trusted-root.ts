import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toTrustMaterial, type TrustMaterial } from '@sigstore/verify'
import { XbuildError } from '../errors.ts'
import type { Environment } from './service.ts'
import { readSigningConfig, type SigningServices } from './signing-config.ts'

/** Whose certificates, logs and clocks are believed, and what a signature must have of them. */
export interface Trust {
  readonly material: TrustMaterial
  readonly needs: {
    readonly tlogThreshold: number
    readonly ctlogThreshold: number
    readonly timestampThreshold: number
  }
}

const MAX_BYTES = 1 << 20

/** Where cosign keeps what it knows of Sigstore's public instance, below TUF_ROOT or the home. */
const COSIGN_FOLDER = 'tuf-repo-cdn.sigstore.dev/targets'

/**
 * Reads a trusted root (`application/vnd.dev.sigstore.trustedroot+json`), as `cosign trusted-root create` and
 * `gh attestation trusted-root` write it. Throws NOT_FOUND, BAD_OPTION.
 */
export async function readTrustedRoot(name: string, { cwd }: { readonly cwd: string }): Promise<Trust> {
  const bytes = await readFile(resolve(cwd, name)).catch((cause: unknown) => {
    throw new XbuildError('NOT_FOUND', `Cannot read trusted root "${name}": it is not there, or cannot be read`, {
      cause,
    })
  })
  try {
    if (bytes.length > MAX_BYTES) throw new Error('it is too large')
    return trustIn(JSON.parse(bytes.toString()))
  } catch (cause) {
    throw new XbuildError('BAD_OPTION', `Cannot use trusted root "${name}": ${(cause as Error).message}`, {
      cause,
      hint: 'It must be what "cosign trusted-root create" writes, or a line of "gh attestation trusted-root"',
    })
  }
}

/** The root of Sigstore's public instance, when cosign was here; undefined: it was not. Throws BAD_OPTION. */
export function cosignsTrustedRoot(env: Environment): Promise<Trust | undefined> {
  return cosigns(env, 'trusted_root.json', (file) => readTrustedRoot(file, { cwd: '/' }))
}

/** The services of Sigstore's public instance, when cosign was here; undefined: it was not. Throws BAD_OPTION. */
export function cosignsSigningConfig(env: Environment, now: Date): Promise<SigningServices | undefined> {
  return cosigns(env, 'signing_config.v0.2.json', (file) => readSigningConfig(file, { cwd: '/', now }))
}

async function cosigns<T>(env: Environment, name: string, read: (file: string) => Promise<T>): Promise<T | undefined> {
  const root = env['TUF_ROOT'] || (env['HOME'] && join(env['HOME'], '.sigstore/root'))
  if (!root) return undefined
  return read(join(root, COSIGN_FOLDER, name)).catch((error: unknown) => {
    if (error instanceof XbuildError && error.code === 'NOT_FOUND') return undefined
    throw error
  })
}

/** The trust that a trusted root stands for, as JSON. Throws for what is none. */
export function trustIn(json: unknown): Trust {
  const root = TrustedRoot.fromJSON(json)
  if (root.certificateAuthorities.length === 0) throw new Error('it names no certificate authority')
  // The library would take such a key for one of all times
  const dated = [...root.tlogs, ...root.ctlogs].every(({ publicKey }) => publicKey?.validFor?.start)
  if (!dated) throw new Error('it does not say since when the key of a log is valid')
  return {
    material: toTrustMaterial(root),
    needs: {
      tlogThreshold: root.tlogs.length > 0 ? 1 : 0,
      ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
      timestampThreshold: 1,
    },
  }
}
