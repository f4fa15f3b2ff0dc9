import { XbuildError } from '../errors.ts'
import { exec } from '../host/exec.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestHex } from '../oci/digest.ts'
import { placeOf, type SignEdges } from './sign-image.ts'
import { findBundles } from './signatures.ts'

/** How `cosign` is run. */
export interface CosignOptions extends SignEdges {
  /** As cosign reads it: a file, `env://NAME`, a key of a service; absent: keyless. */
  readonly key?: string
  /** Enter the signature in a transparency log (default: true). */
  readonly tlog?: boolean
  /** The registry speaks plain http. */
  readonly http: boolean
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The program is there. Throws HOST. */
export async function requireCosign({ env, signal }: Pick<CosignOptions, 'env' | 'signal'>): Promise<void> {
  const { exitCode } = await exec('cosign', ['version'], { env, signal }).catch((cause: unknown) => {
    if (cause instanceof XbuildError && cause.code === 'CANCELED') throw cause
    return { exitCode: 1 }
  })
  if (exitCode === 0) return
  throw new XbuildError('HOST', 'Cannot sign: the program "cosign" does not run', {
    hint: 'Install cosign, or sign with a key: --sign key=FILE',
  })
}

/**
 * Has `cosign` sign a manifest that is in a repository, and looks whether a signature is there. Throws HOST, REGISTRY.
 */
export async function signWithCosign(
  { host, repository }: Reference,
  descriptor: Descriptor,
  { key, tlog = true, http, cwd, env, registry, signal }: CosignOptions,
): Promise<void> {
  const { digest } = descriptor
  const at: Reference = { host, repository }
  const name = formatReference({ ...at, digest })
  const args = [
    ...['sign', '--yes'],
    ...(key === undefined ? [] : ['--key', key]),
    ...(tlog ? [] : await withoutLog({ env, signal })),
    ...(http ? ['--allow-http-registry'] : []),
    name,
  ]
  const { exitCode, stdout, stderr } = await exec('cosign', args, { cwd, env, signal })
  if (exitCode !== 0)
    throw new XbuildError('HOST', `Cannot sign "${name}": cosign ended with exit status ${exitCode}`, {
      output: (stderr || stdout).trimEnd().split('\n').slice(-10),
    })
  if ((await findBundles(placeOf(at, registry), descriptor, signal)).length > 0) return
  // cosign before version 3 keeps signatures under a tag
  const tag = `sha256-${digestHex(digest)}.sig`
  await registry.manifest({ ...at, tag }, { signal, direct: true }).catch((cause: unknown) => {
    throw new XbuildError('REGISTRY', `Cannot sign "${name}": cosign ended well, and ${host} has no signature`, {
      cause,
    })
  })
}

/** The flags that keep a signature out of logs: cosign 3 has a list of services, which says so by itself otherwise. */
async function withoutLog({ env, signal }: Pick<CosignOptions, 'env' | 'signal'>): Promise<readonly string[]> {
  const { stdout } = await exec('cosign', ['sign', '--help'], { env, signal })
  return ['--tlog-upload=false', ...(stdout.includes('--use-signing-config') ? ['--use-signing-config=false'] : [])]
}
