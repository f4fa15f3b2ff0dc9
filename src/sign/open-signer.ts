import { compact } from '../compact.ts'
import type { SignOptions } from '../config/sign.ts'
import { requireIdentity } from './identity-token.ts'
import { withKeyless } from './keyless.ts'
import { readPrivateKey } from './keys.ts'
import type { Environment } from './service.ts'
import { keySigner, type ManifestSigner } from './sign-image.ts'
import { cosignsTrustedRoot, readTrustedRoot } from './trusted-root.ts'

/** Does something with a signer; what it needs of services it asks for then. */
export type WithSigner = <T>(signal: AbortSignal, work: (by: ManifestSigner) => Promise<T>) => Promise<T>

/** Sigstore's public instance. */
const PUBLIC = { fulcioUrl: 'https://fulcio.sigstore.dev', rekorUrl: 'https://rekor.sigstore.dev' } as const

/** Reads the key, or looks for a token and reads the trusted root. Throws NOT_FOUND, BAD_OPTION, AUTH. */
export async function openSigner(
  how: Exclude<SignOptions, { readonly by: 'cosign' }>,
  { cwd, env }: { readonly cwd: string; readonly env: Environment },
): Promise<WithSigner> {
  if (how.by === 'key') {
    const by = keySigner(await readPrivateKey(how.key, { cwd, env }))
    return (_, work) => work(by)
  }
  requireIdentity(env)
  const { fulcioUrl = PUBLIC.fulcioUrl, rekorUrl = PUBLIC.rekorUrl, timestampUrl, trustedRoot } = how
  const isPublic = fulcioUrl === PUBLIC.fulcioUrl && rekorUrl === PUBLIC.rekorUrl
  const own = isPublic ? await cosignsTrustedRoot(env) : undefined
  const trust = trustedRoot === undefined ? own : await readTrustedRoot(trustedRoot, { cwd })
  return (signal, work) => withKeyless({ fulcioUrl, rekorUrl, env, ...compact({ timestampUrl, trust }) }, signal, work)
}
