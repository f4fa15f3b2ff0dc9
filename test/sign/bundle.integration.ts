import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BUNDLE_TYPE, isSignatureOf, signDigest } from '../../src/sign/bundle.ts'
import type { Digest } from '../../src/oci/descriptor.ts'

const digest: Digest = `sha256:${'ab'.repeat(32)}`
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey

test('a signature is what cosign 3 writes, and openssl accepts it', () => {
  const bundle = JSON.parse(signDigest({ digest }, privateKey).toString())
  expect(bundle).toMatchObject({
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: expect.stringMatching(/^.{43}=$/) } },
  })
  const { payload, payloadType, signatures } = bundle.dsseEnvelope
  // cosign takes no signature of a key of another name, and calls keys by no name that we know
  expect(signatures).toEqual([{ sig: expect.any(String) }])
  const bytes = Buffer.from(payload, 'base64')
  expect(JSON.parse(bytes.toString())).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    subject: [{ digest: { sha256: 'ab'.repeat(32) } }],
    predicate: {},
  })
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-bundle-'))
  try {
    const file = (name: string) => join(folder, name)
    writeFileSync(file('signed'), `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} ${bytes}`)
    writeFileSync(file('signature'), Buffer.from(signatures[0].sig, 'base64'))
    writeFileSync(file('key'), publicKey.export({ format: 'pem', type: 'spki' }))
    const args = ['dgst', '-sha256', '-verify', file('key'), '-signature', file('signature'), file('signed')]
    expect(execFileSync('openssl', args).toString()).toContain('Verified OK')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a signature is one of that digest by that key only, and of nothing that was changed', () => {
  const bytes = signDigest({ digest }, privateKey)
  expect(isSignatureOf(bytes, { digest, publicKey })).toBe(true)
  expect(isSignatureOf(bytes, { digest, publicKey: other })).toBe(false)
  expect(isSignatureOf(bytes, { digest: `sha256:${'cd'.repeat(32)}`, publicKey })).toBe(false)
  const bundle = JSON.parse(bytes.toString())
  const changed = (change: (copy: typeof bundle) => void) => {
    const copy = structuredClone(bundle)
    change(copy)
    return Buffer.from(JSON.stringify(copy))
  }
  const about = (text: string) => Buffer.from(text).toString('base64')
  const wrong = [
    changed(({ dsseEnvelope }) => (dsseEnvelope.payload = about('{"subject":[]}'))),
    changed(({ dsseEnvelope }) => (dsseEnvelope.signatures = [])),
    changed(({ dsseEnvelope }) => (dsseEnvelope.payloadType = 'text/plain')),
    changed((copy) => (copy.verificationMaterial = {})),
    changed((copy) => delete copy.dsseEnvelope),
    Buffer.from('null'),
    Buffer.from('{'),
    Buffer.alloc(0),
  ]
  for (const one of wrong) expect(isSignatureOf(one, { digest, publicKey }), one.toString()).toBe(false)
})

test('what a log and a clock say of a signature does not matter to who has the key', () => {
  // As cosign writes it, unless it is told not to
  const bundle = JSON.parse(signDigest({ digest }, privateKey).toString())
  const text = (value: string) => Buffer.from(value).toString('base64')
  const proof = { logIndex: '0', rootHash: text('r'), treeSize: '1', hashes: [], checkpoint: { envelope: 'x' } }
  bundle.verificationMaterial.tlogEntries = [
    {
      logIndex: '0',
      logId: { keyId: text('log') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '1700000000',
      inclusionPromise: { signedEntryTimestamp: text('s') },
      inclusionProof: proof,
      canonicalizedBody: text('{}'),
    },
  ]
  const bytes = Buffer.from(JSON.stringify(bundle))
  expect(isSignatureOf(bytes, { digest, publicKey })).toBe(true)
  expect(isSignatureOf(bytes, { digest, publicKey: other })).toBe(false)
})
