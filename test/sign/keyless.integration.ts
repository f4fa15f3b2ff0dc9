import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import type { Digest } from '../../src/oci/descriptor.ts'
import { isSignatureOf } from '../../src/sign/bundle.ts'
import { identityToken } from '../../src/sign/identity-token.ts'
import { openSigner } from '../../src/sign/open-signer.ts'
import { createSignService } from '../../src/sign/service.ts'
import { trustIn } from '../../src/sign/trusted-root.ts'
import { ISSUER, startSigstore, tokenOf, type Sigstore } from '../support/sigstore.ts'

const digest: Digest = `sha256:${'ab'.repeat(32)}`
const { signal } = new AbortController()
const ME = 'me@example.test'
const env = { SIGSTORE_ID_TOKEN: tokenOf({ sub: '42', email: ME }) }
const folder = tempFolder()
let sigstore: Sigstore
let other: Sigstore
beforeAll(async () => {
  ;[sigstore, other] = await Promise.all([startSigstore(), startSigstore()])
  writeFileSync(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot))
})
afterAll(() => Promise.all([sigstore?.stop(), other?.stop()]))

const services = () => ({ by: 'keyless' as const, fulcioUrl: sigstore.url, rekorUrl: sigstore.url })
async function signed(more: object = {}, as: Readonly<Record<string, string>> = env) {
  const withSigner = await openSigner({ ...services(), ...more }, { cwd: folder, env: as })
  return withSigner(signal, (by) => by.sign(digest, signal))
}

test('a signature is one of that digest by that identity, as that issuer says, for who believes the services', async () => {
  const { bytes, signer } = await signed()
  expect(isSignatureOf(bytes, { digest, ...signer })).toBe(true)
  const trust = trustIn(sigstore.trustedRoot)
  const identity = { name: ME, issuer: ISSUER }
  expect(isSignatureOf(bytes, { digest, identity, trust })).toBe(true)
  const wrong = [
    { digest: `sha256:${'cd'.repeat(32)}` as Digest, identity, trust },
    { digest, identity: { ...identity, name: 'you@example.test' }, trust },
    { digest, identity: { ...identity, name: '.*' }, trust },
    { digest, identity: { ...identity, issuer: 'https://elsewhere.example.test' }, trust },
    { digest, identity, trust: trustIn(other.trustedRoot) },
  ]
  for (const one of wrong) expect(isSignatureOf(bytes, one), JSON.stringify(one.identity)).toBe(false)
  const bundle = JSON.parse(bytes.toString())
  const changed = (change: (copy: typeof bundle) => void) => {
    const copy = structuredClone(bundle)
    change(copy)
    return Buffer.from(JSON.stringify(copy))
  }
  const forged = [
    changed(({ verificationMaterial }) => (verificationMaterial.tlogEntries = [])),
    changed(({ verificationMaterial: { tlogEntries } }) => (tlogEntries[0].integratedTime = '1')),
    changed(({ verificationMaterial: { tlogEntries } }) => (tlogEntries[0].logIndex = '7')),
    changed(({ verificationMaterial: { tlogEntries } }) => delete tlogEntries[0].inclusionPromise),
    changed(
      ({ verificationMaterial: { tlogEntries } }) =>
        (tlogEntries[0].inclusionProof.checkpoint.envelope = '127.0.0.1 - 1\n2\nAAAA\n\n\u2014 127.0.0.1 AAAAAAAA\n'),
    ),
    changed(({ dsseEnvelope }) => (dsseEnvelope.signatures[0].sig = 'AAAA')),
    changed(({ dsseEnvelope }) => (dsseEnvelope.payload = Buffer.from('{}').toString('base64'))),
    changed(({ verificationMaterial }) => delete verificationMaterial.certificate),
  ]
  for (const [index, one] of forged.entries())
    expect(isSignatureOf(one, { digest, identity, trust }), `${index}`).toBe(false)
})

test('a time stamp authority is asked when it is named, and its stamp must be right', async () => {
  const { bytes, signer } = await signed({ timestampUrl: sigstore.timestampUrl, trustedRoot: 'root.json' })
  expect(isSignatureOf(bytes, { digest, ...signer })).toBe(true)
  const { timestampVerificationData } = JSON.parse(bytes.toString()).verificationMaterial
  expect(timestampVerificationData.rfc3161Timestamps).toHaveLength(1)
  const identity = { name: ME, issuer: ISSUER }
  const { timestampAuthorities } = other.trustedRoot as { readonly timestampAuthorities: object }
  const trust = trustIn({ ...sigstore.trustedRoot, timestampAuthorities })
  expect(isSignatureOf(bytes, { digest, identity, trust })).toBe(false)
})

test('a signing configuration names the services, a log of the second version among them', async () => {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(sigstore.signingConfig))
  const by = { by: 'keyless', signingConfig: 'config.json' } as const
  const open = (more: object = {}) => openSigner({ ...by, ...more }, { cwd: folder, env })
  const withSigner = await open({ trustedRoot: 'root.json' })
  const { bytes, signer } = await withSigner(signal, (one) => one.sign(digest, signal))
  expect(isSignatureOf(bytes, { digest, ...signer })).toBe(true)
  const { tlogEntries } = JSON.parse(bytes.toString()).verificationMaterial
  expect(tlogEntries).toMatchObject([{ kindVersion: { kind: 'hashedrekord', version: '0.0.2' } }])
  // Such a log tells no time
  const copy = JSON.parse(bytes.toString())
  copy.verificationMaterial.timestampVerificationData.rfc3161Timestamps = []
  expect(isSignatureOf(Buffer.from(JSON.stringify(copy)), { digest, ...signer })).toBe(false)
  await expect(open()).rejects.toThrow('nothing says whether time stamps are right')
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...sigstore.signingConfig, tsaUrls: [] }))
  await expect(open({ trustedRoot: 'root.json' })).rejects.toThrow('tells no time')
  const old = [{ url: sigstore.url, majorApiVersion: 1, validFor: { start: '2020-01-01', end: '2021-01-01' } }]
  for (const wrong of ['{', '{}', JSON.stringify({ ...sigstore.signingConfig, caUrls: old })]) {
    writeFileSync(join(folder, 'config.json'), wrong)
    await expect(open(), wrong).rejects.toMatchObject({ code: 'BAD_OPTION' })
  }
})

test('services that are busy are asked again; those that refuse, or that another key made, are told', async () => {
  sigstore.fail(2)
  expect((await signed()).bytes.length).toBeGreaterThan(1000)
  sigstore.fail(9)
  const host = new URL(sigstore.url).host
  await expect(signed()).rejects.toMatchObject({
    code: 'REGISTRY',
    message: `Cannot sign without a key: the certificate authority at ${host} answers with 503: busy`,
  })
  sigstore.fail(0)
  await expect(signed({ rekorUrl: `${sigstore.url}/nothing` })).rejects.toThrow('the transparency log at')
  writeFileSync(join(folder, 'other.json'), JSON.stringify(other.trustedRoot))
  const { bytes, signer } = await signed({ trustedRoot: 'other.json' })
  expect(isSignatureOf(bytes, { digest, ...signer })).toBe(false)
})

test('a root that does not say since when the key of a log is valid is refused', () => {
  const root = structuredClone(sigstore.trustedRoot) as { tlogs: { publicKey: { validFor?: object } }[] }
  root.tlogs[0]!.publicKey.validFor = { end: new Date().toISOString() }
  expect(() => trustIn(root)).toThrow('it does not say since when the key of a log is valid')
})

test("GitHub's token service is asked for a token of Sigstore; without any the way to one is told", async () => {
  const github = { ACTIONS_ID_TOKEN_REQUEST_URL: `${sigstore.url}/token?x=y`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 't' }
  const { bytes } = await signed({}, github)
  const identity = { name: 'https://example.test/workflow@refs/heads/main', issuer: ISSUER }
  expect(isSignatureOf(bytes, { digest, identity, trust: trustIn(sigstore.trustedRoot) })).toBe(true)
  await expect(signed({}, {})).rejects.toMatchObject({ code: 'AUTH', hint: expect.stringContaining('id-token: write') })
  const service = createSignService({})
  for (const token of ['x', 'a.b.c', tokenOf({ sub: 1 })]) {
    const broken = identityToken({ SIGSTORE_ID_TOKEN: token }, service, signal)
    await expect(broken).rejects.toThrow(/^Cannot sign without a key: the identity token is no JSON web token/)
  }
  service.close()
})

test('parts of other signatures make none, whoever made them', async () => {
  const identity = { name: ME, issuer: ISSUER }
  const trust = trustIn(sigstore.trustedRoot)
  const elsewhere: Digest = `sha256:${'cd'.repeat(32)}`
  const you = { SIGSTORE_ID_TOKEN: tokenOf({ sub: '43', email: `${ME}.elsewhere.test` }) }
  const signer = await openSigner(services(), { cwd: folder, env })
  const [mine, second, theirs, foreign] = await Promise.all([
    signed(),
    signer(signal, (by) => by.sign(elsewhere, signal)),
    signed({}, you),
    signed({ fulcioUrl: other.url, rekorUrl: other.url }),
  ])
  const read = ({ bytes }: { readonly bytes: Buffer }) => JSON.parse(bytes.toString())
  const made = (change: (copy: ReturnType<typeof read>) => void) => {
    const copy = read(mine)
    change(copy)
    return Buffer.from(JSON.stringify(copy))
  }
  const [other2, stranger, of] = [read(second), read(theirs), read(foreign)]
  const forged: Record<string, Buffer> = {
    'the log entry of another image': made((one) => {
      one.verificationMaterial.tlogEntries = other2.verificationMaterial.tlogEntries
    }),
    'the envelope of another image': made((one) => (one.dsseEnvelope = other2.dsseEnvelope)),
    'another signature first': made((one) => {
      one.dsseEnvelope.signatures.unshift(stranger.dsseEnvelope.signatures[0])
    }),
    'the certificate of another identity, whose signature it is': theirs.bytes,
    'a certificate beside the signature of another one': made((one) => {
      one.dsseEnvelope.signatures = stranger.dsseEnvelope.signatures
      one.verificationMaterial.tlogEntries = stranger.verificationMaterial.tlogEntries
    }),
    'a certificate of an authority that nobody believes': foreign.bytes,
    'such a certificate with an entry of the right log': made((one) => {
      one.dsseEnvelope = of.dsseEnvelope
      one.verificationMaterial.certificate = of.verificationMaterial.certificate
    }),
    'a chain that brings its own authority': made((one) => {
      const { certificate } = of.verificationMaterial
      delete one.verificationMaterial.certificate
      one.verificationMaterial.x509CertificateChain = { certificates: [certificate, certificate] }
      one.dsseEnvelope = of.dsseEnvelope
    }),
    'a key in the place of the certificate': made((one) => {
      delete one.verificationMaterial.certificate
      one.verificationMaterial.publicKey = { hint: 'x' }
    }),
    'another type of payload': made((one) => (one.dsseEnvelope.payloadType = 'application/json')),
    'no envelope': made((one) => {
      const { sig } = one.dsseEnvelope.signatures[0]
      delete one.dsseEnvelope
      const messageDigest = { algorithm: 'SHA2_256', digest: Buffer.from('ab'.repeat(32), 'hex').toString('base64') }
      one.messageSignature = { messageDigest, signature: sig }
    }),
  }
  expect(isSignatureOf(mine.bytes, { digest, identity, trust })).toBe(true)
  for (const [what, bytes] of Object.entries(forged))
    expect(isSignatureOf(bytes, { digest, identity, trust }), what).toBe(false)
  for (const name of ['', 'me', ME.slice(0, -1), ME.toUpperCase(), `^${ME}$`, `${ME} `, `${ME}.elsewhere.test`])
    expect(isSignatureOf(mine.bytes, { digest, identity: { ...identity, name }, trust }), name).toBe(false)
  const { certificateAuthorities } = sigstore.trustedRoot as Readonly<Record<string, readonly object[]>>
  const past = { start: '2000-01-01T00:00:00Z', end: '2001-01-01T00:00:00Z' }
  const old = { ...sigstore.trustedRoot, certificateAuthorities: [{ ...certificateAuthorities![0], validFor: past }] }
  const noLog = { ...sigstore.trustedRoot, tlogs: (other.trustedRoot as { readonly tlogs: object }).tlogs }
  for (const root of [old, noLog]) {
    const signer = { identity, trust: trustIn(root) }
    expect(isSignatureOf(mine.bytes, { digest, ...signer })).toBe(false)
  }
})
