import { createHash, createPublicKey } from 'node:crypto'
import type { SerializedBundle } from '@sigstore/bundle'
import { XbuildError } from '../errors.ts'
import { below, type SignService } from './service.ts'

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

/** Enters a signature in a transparency log. Throws REGISTRY. */
export async function logEntry(
  {
    rekorUrl,
    envelope,
    certificate,
  }: {
    readonly rekorUrl: string
    readonly envelope: NonNullable<SerializedBundle['dsseEnvelope']>
    /** In PEM. */
    readonly certificate: string
  },
  service: SignService,
  signal: AbortSignal,
): Promise<LogEntry> {
  const verifiers = [Buffer.from(certificate).toString('base64')]
  const spec = { proposedContent: { envelope: JSON.stringify(envelope), verifiers } }
  const answer = await service.ask({
    what: 'the transparency log',
    url: below(rekorUrl, 'api/v1/log/entries'),
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: Buffer.from(JSON.stringify({ apiVersion: '0.0.1', kind: 'dsse', spec })),
    signal,
  })
  try {
    const [entry] = Object.values(JSON.parse(answer.toString()) as Record<string, Entry>)
    return toBundle(entry!)
  } catch (cause) {
    throw new XbuildError(
      'REGISTRY',
      `Cannot sign without a key: ${new URL(rekorUrl).host} gives no entry of its log`,
      {
        cause,
      },
    )
  }
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
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
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
