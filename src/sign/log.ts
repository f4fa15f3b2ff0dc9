import { createHash, createPublicKey, type X509Certificate } from 'node:crypto'
import type { SerializedBundle } from '@sigstore/bundle'
import { XbuildError } from '../errors.ts'
import { preAuthEncoding } from './envelope.ts'
import { below, type SignService } from './service.ts'
import type { RekorVersion } from './signing-config.ts'

/** ECDSA on P-256, as messages of Sigstore call it. */
const KEY_DETAILS = 'PKIX_ECDSA_P256_SHA_256'

/** What Rekor (API v1) says of an entry. */
interface Entry {
  readonly body: string
  readonly integratedTime: number
  readonly logID: string
  readonly logIndex: number
  readonly verification?: {
    readonly signedEntryTimestamp?: string
    readonly inclusionProof?: {
      readonly checkpoint: string
      readonly hashes: readonly string[]
      readonly logIndex: number
      readonly rootHash: string
      readonly treeSize: number
    }
  }
}

/** An entry of a transparency log as a bundle has it, and the name that the log signs with. */
export interface LogEntry {
  readonly entry: object
  readonly logName: string
}

/** A log, by its address and the version of its API. */
export interface Log {
  readonly url: string
  readonly version: RekorVersion
}

/** What is entered. */
export interface LoggedSignature {
  readonly envelope: NonNullable<SerializedBundle['dsseEnvelope']>
  readonly certificate: X509Certificate
}

/** Enters a signature in a transparency log. Throws REGISTRY. */
export async function logEntry(
  { url, version }: Log,
  signed: LoggedSignature,
  { service, signal }: { readonly service: SignService; readonly signal: AbortSignal },
): Promise<LogEntry> {
  const answer = await service.ask({
    what: 'the transparency log',
    url: below(url, `api/v${version}/log/entries`),
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: Buffer.from(JSON.stringify(version === 1 ? requestOf(signed) : requestOf2(signed))),
    signal,
  })
  try {
    const found = JSON.parse(answer.toString()) as object
    if (version === 2) return { entry: found, logName: '' }
    return toBundle((Object.values(found) as Entry[])[0]!)
  } catch (cause) {
    throw new XbuildError('REGISTRY', `Cannot sign without a key: ${new URL(url).host} gives no entry of its log`, {
      cause,
    })
  }
}

function requestOf({ envelope, certificate }: LoggedSignature): object {
  const verifiers = [Buffer.from(certificate.toString()).toString('base64')]
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: { proposedContent: { envelope: JSON.stringify(envelope), verifiers } },
  }
}

/** The second version takes the digest of the bytes that are signed, and gives what a bundle has. */
function requestOf2({ envelope, certificate }: LoggedSignature): object {
  const signed = preAuthEncoding({ ...envelope, payload: Buffer.from(envelope.payload, 'base64') })
  const rawBytes = certificate.raw.toString('base64')
  const verifier = { x509Certificate: { rawBytes }, keyDetails: KEY_DETAILS }
  const digest = createHash('sha256').update(signed).digest('base64')
  return { hashedRekordRequestV002: { digest, signature: { content: envelope.signatures[0]!.sig, verifier } } }
}

function toBundle({ body, integratedTime, logID, logIndex, verification }: Entry): LogEntry {
  const { kind, apiVersion: version } = JSON.parse(Buffer.from(body, 'base64').toString()) as Record<string, string>
  const { signedEntryTimestamp, inclusionProof: proof } = verification ?? {}
  const hex = (text: string) => Buffer.from(text, 'hex').toString('base64')
  const entry = {
    logIndex: String(logIndex),
    logId: { keyId: hex(logID) },
    kindVersion: { kind, version },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    ...(proof
      ? {
          inclusionProof: {
            logIndex: String(proof.logIndex),
            rootHash: hex(proof.rootHash),
            treeSize: String(proof.treeSize),
            hashes: proof.hashes.map(hex),
            checkpoint: { envelope: proof.checkpoint },
          },
        }
      : {}),
    canonicalizedBody: body,
  }
  return { entry, logName: /^\u2014 (\S+) /m.exec(proof?.checkpoint ?? '')?.[1] ?? '' }
}

/** The key of a log, as trusted roots have it, as the log itself tells it. Throws REGISTRY. */
export async function logKey(rekorUrl: string, service: SignService, signal: AbortSignal): Promise<object> {
  const pem = await service.ask({
    what: 'the transparency log',
    url: below(rekorUrl, 'api/v1/log/publicKey'),
    headers: { accept: 'application/x-pem-file' },
    signal,
  })
  try {
    const der = createPublicKey(pem).export({ format: 'der', type: 'spki' })
    return {
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: der.toString('base64'),
        keyDetails: KEY_DETAILS,
        validFor: { start: new Date(0).toISOString() },
      },
      logId: { keyId: createHash('sha256').update(der).digest('base64') },
    }
  } catch (cause) {
    throw new XbuildError('REGISTRY', `Cannot sign without a key: ${new URL(rekorUrl).host} gives no key of its log`, {
      cause,
    })
  }
}

/** A request of RFC 3161 up to the digest (SHA-256), and what comes after it: certificates are wanted. */
const QUERY = { before: '3039020101303130' + '0d06096086480165030402010500' + '0420', after: '0101ff' }

/** What a time stamp authority says of a signature, in DER. Throws REGISTRY. */
export async function timestampOf(
  url: string,
  signature: Buffer,
  { service, signal }: { readonly service: SignService; readonly signal: AbortSignal },
): Promise<Buffer> {
  const digest = createHash('sha256').update(signature).digest('hex')
  return service.ask({
    what: 'the time stamp authority',
    url: new URL(url),
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: Buffer.from(QUERY.before + digest + QUERY.after, 'hex'),
    signal,
  })
}
