import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { isSimpleSignatureOf, PAYLOAD_TYPE, simpleSignaturesIn } from '../../src/sign/simple-signing.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const digest = sha256(Buffer.from('image'))
const payloadOf = (image: string, type = 'cosign container image signature') =>
  Buffer.from(JSON.stringify({ critical: { identity: {}, image: { 'docker-manifest-digest': image }, type } }))
const signed = (payload: Buffer) => sign('sha256', payload, privateKey)

test('a payload counts when its signature, its digest and its type are right', () => {
  const payload = payloadOf(digest)
  const signature = signed(payload)
  expect(isSimpleSignatureOf(payload, { signature, digest, publicKey })).toBe(true)
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  expect(isSimpleSignatureOf(payload, { signature, digest, publicKey: other })).toBe(false)
  expect(isSimpleSignatureOf(payload, { signature: Buffer.from('none'), digest, publicKey })).toBe(false)
  expect(isSimpleSignatureOf(payload, { signature, digest: sha256(Buffer.from('x')), publicKey })).toBe(false)
  for (const wrong of [
    payloadOf(digest, 'atomic container signature'),
    Buffer.from('null'),
    Buffer.from('{'),
    payloadOf(''),
  ])
    expect(isSimpleSignatureOf(wrong, { signature: signed(wrong), digest, publicKey })).toBe(false)
})

test('only layers of the type with a signature are signatures', () => {
  const layer = { mediaType: PAYLOAD_TYPE, digest, size: 1 }
  const annotations = { 'dev.cosignproject.cosign/signature': 'AAAA' }
  const layers = [layer, { ...layer, annotations }, { ...layer, annotations, mediaType: 'text/plain' }]
  expect(simpleSignaturesIn({ layers })).toEqual([{ payload: layers[1], signature: Buffer.from([0, 0, 0]) }])
})
