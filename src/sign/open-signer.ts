import { compact } from '../compact.ts'
import type { KeylessServices, SignOptions } from '../config/sign.ts'
import { XbuildError } from '../errors.ts'
import { requireIdentity } from './identity-token.ts'
import { withKeyless } from './keyless.ts'
import { readPrivateKey } from './keys.ts'
import type { Environment } from './service.ts'
import { keySigner, type ManifestSigner } from './sign-image.ts'
import { readSigningConfig, type SigningServices } from './signing-config.ts'
import { cosignsSigningConfig, cosignsTrustedRoot, readTrustedRoot } from './trusted-root.ts'

/** Does something with a signer; what it needs of services it asks for then. */
export type WithSigner = <T>(signal: AbortSignal, work: (by: ManifestSigner) => Promise<T>) => Promise<T>

/** Sigstore's public instance, where nothing else says what it is now. */
const PUBLIC = { fulcioUrl: 'https://fulcio.sigstore.dev', rekorUrl: 'https://rekor.sigstore.dev' } as const

/** Reads the key, or looks for a token and reads what says which services are asked. Throws NOT_FOUND, BAD_OPTION, AUTH. */
export async function openSigner(
  how: Exclude<SignOptions, { readonly by: 'cosign' }>,
  { cwd, env }: { readonly cwd: string; readonly env: Environment },
): Promise<WithSigner> {
  if (how.by === 'key') {
    const by = keySigner(await readPrivateKey(how.key, { cwd, env }))
    return (_, work) => work(by)
  }
  requireIdentity(env)
  const services = await servicesOf(how, { cwd, env })
  const { trustedRoot } = how
  const own = services.isPublic ? await cosignsTrustedRoot(env) : undefined
  const trust = trustedRoot === undefined ? own : await readTrustedRoot(trustedRoot, { cwd })
  if (!trust && (services.timestampUrl !== undefined || services.rekorVersion === 2))
    throw new XbuildError('BAD_OPTION', 'Cannot sign without a key: nothing says whether time stamps are right', {
      hint: 'Name a trusted root, or a log of the first version and no time stamp authority',
    })
  if (services.rekorVersion === 2 && services.timestampUrl === undefined)
    throw new XbuildError('BAD_OPTION', `Cannot sign without a key: the log ${services.rekorUrl} tells no time`, {
      hint: 'Add a time stamp authority to the signing configuration',
    })
  return (signal, work) => withKeyless({ ...services, env, ...compact({ trust }) }, signal, work)
}

/** What the options name, or else the public instance: as cosign knows it, where it was here. */
async function servicesOf(
  { fulcioUrl, rekorUrl, timestampUrl, signingConfig }: KeylessServices,
  { cwd, env }: { readonly cwd: string; readonly env: Environment },
): Promise<SigningServices & { readonly isPublic: boolean }> {
  const now = new Date()
  if (signingConfig !== undefined) return { ...(await readSigningConfig(signingConfig, { cwd, now })), isPublic: false }
  const isPublic = fulcioUrl === undefined && rekorUrl === undefined && timestampUrl === undefined
  const found = isPublic ? await cosignsSigningConfig(env, now) : undefined
  return {
    ...(found ?? { ...PUBLIC, rekorVersion: 1 }),
    ...compact({ fulcioUrl, rekorUrl, timestampUrl }),
    isPublic,
  }
}
