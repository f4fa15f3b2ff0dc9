import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { XbuildError } from '../errors.ts'
import type { Digest } from '../oci/descriptor.ts'
import { certifiedBundle } from './bundle.ts'
import { identityToken, type IdentityToken } from './identity-token.ts'
import { logKey, logEntry, timestampOf } from './log.ts'
import { below, createSignService, type Environment, type SignService } from './service.ts'
import type { ManifestSigner } from './sign-image.ts'
import type { SigningServices } from './signing-config.ts'
import { trustIn, type Trust } from './trusted-root.ts'

/**
 * Services of Sigstore, and whom to believe. A time stamp authority is named by its whole address (RFC 3161), and only
 * with somebody to believe; a log of the second version needs one.
 */
export interface KeylessOptions extends SigningServices {
  /** Absent: a signature that was written is checked against what the services say of themselves. */
  readonly trust?: Trust
  readonly env: Environment
}

/** Does something as who the identity token says: a certificate of a key that is thrown away is made for it. Throws AUTH. */
export async function withKeyless<T>(
  options: KeylessOptions,
  signal: AbortSignal,
  work: (by: ManifestSigner) => Promise<T>,
): Promise<T> {
  const service = createSignService(options.env)
  try {
    return await work(await keylessSigner(options, service, signal))
  } finally {
    service.close()
  }
}

async function keylessSigner(
  { fulcioUrl, rekorUrl, rekorVersion, timestampUrl, trust: given, env }: KeylessOptions,
  service: SignService,
  signal: AbortSignal,
): Promise<ManifestSigner> {
  const token = await identityToken(env, service, signal)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [leaf, ...authorities] = await certificates({ fulcioUrl, token, privateKey, publicKey }, service, signal)
  const key = given ? undefined : await logKey(rekorUrl, service, signal)
  const trustWith = (logName: string): Trust =>
    given ?? trustIn({ ...authoritiesJson(fulcioUrl, authorities), tlogs: [{ ...key, baseUrl: logName }] })
  // What is there already was entered in a log of the same name
  const identity = { name: subjectOf(leaf!), issuer: token.issuer }
  return {
    signer: { identity, trust: trustWith(new URL(rekorUrl).host) },
    async sign(digest: Digest, signal: AbortSignal) {
      const bundle = certifiedBundle(digest, privateKey, leaf!.raw)
      const envelope = bundle.dsseEnvelope!
      const log = { url: rekorUrl, version: rekorVersion }
      const { entry, logName } = await logEntry(log, { envelope, certificate: leaf! }, { service, signal })
      const signature = Buffer.from(envelope.signatures[0]!.sig, 'base64')
      const stamp =
        timestampUrl === undefined ? undefined : await timestampOf(timestampUrl, signature, { service, signal })
      const timestampVerificationData = {
        rfc3161Timestamps: stamp ? [{ signedTimestamp: stamp.toString('base64') }] : [],
      }
      const material = { ...bundle.verificationMaterial, tlogEntries: [entry], timestampVerificationData }
      const bytes = Buffer.from(JSON.stringify({ ...bundle, verificationMaterial: material }))
      return { bytes, signer: { identity, trust: trustWith(logName) } }
    },
  }
}

/** The certificate that Fulcio makes for the key of who holds the token, and those above it. */
async function certificates(
  {
    fulcioUrl,
    token,
    privateKey,
    publicKey,
  }: {
    readonly fulcioUrl: string
    readonly token: IdentityToken
    readonly privateKey: KeyObject
    readonly publicKey: KeyObject
  },
  service: SignService,
  signal: AbortSignal,
): Promise<readonly X509Certificate[]> {
  const body = {
    credentials: { oidcIdentityToken: token.token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
      proofOfPossession: sign('sha256', Buffer.from(token.subject), privateKey).toString('base64'),
    },
  }
  const answer = await service.ask({
    what: 'the certificate authority',
    url: below(fulcioUrl, 'api/v2/signingCert'),
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
    signal,
  })
  try {
    const { signedCertificateEmbeddedSct, signedCertificateDetachedSct } = JSON.parse(answer.toString()) as Record<
      string,
      { readonly chain?: { readonly certificates?: readonly string[] } } | undefined
    >
    const { chain } = (signedCertificateEmbeddedSct ?? signedCertificateDetachedSct)!
    const found = chain!.certificates!.map((pem) => new X509Certificate(pem))
    if (found.length < 2 || !found[0]!.checkPrivateKey(privateKey)) throw new Error('it is of another key')
    return found
  } catch (cause) {
    throw new XbuildError('REGISTRY', `Cannot sign without a key: ${new URL(fulcioUrl).host} gives no certificate`, {
      cause,
    })
  }
}

/** The name in a certificate: a mail address or a URI. */
function subjectOf({ subjectAltName = '' }: X509Certificate): string {
  return subjectAltName.replace(/^(email|URI):/, '').replaceAll(/^"|"$/g, '')
}

function authoritiesJson(uri: string, authorities: readonly X509Certificate[]): object {
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [
      {
        subject: { organization: '', commonName: '' },
        uri,
        certChain: { certificates: authorities.map(({ raw }) => ({ rawBytes: raw.toString('base64') })) },
        validFor: { start: new Date(0).toISOString() },
      },
    ],
    ctlogs: [],
    timestampAuthorities: [],
  }
}
