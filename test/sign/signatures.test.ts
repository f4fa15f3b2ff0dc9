import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { findSignatures, type SignaturePlace } from '../../src/sign/signatures.ts'

// Written by `cosign sign` 3.1.1 into a registry without lists of referrers
const { list, manifest, bundle, key } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/cosign/signature.json'), 'utf8'),
) as { list: Descriptor[]; manifest: string; bundle: string; key: string }
const { subject } = JSON.parse(manifest) as { subject: Descriptor }
const publicKey = createPublicKey(key)
const signal = new AbortController().signal

function place(manifests: readonly Descriptor[], bytes: Readonly<Record<string, string>>): SignaturePlace {
  const held = ({ digest }: Pick<Descriptor, 'digest'>) => {
    const text = bytes[digest]
    if (text === undefined) throw new XbuildError('NOT_FOUND', `Cannot read "${digest}": it is not there`)
    return Buffer.from(text)
  }
  return {
    name: 'registry.example/app',
    document: async (one) => held(one),
    blob: async (one) => Readable.from([held(one)]),
    referrers: async () => ({ manifests: [...manifests], listed: false }),
  }
}

const held = { [sha256(Buffer.from(manifest))]: manifest, [sha256(Buffer.from(bundle))]: bundle }

test('a signature of cosign is found where the list tells no type of it', async () => {
  expect(list[0]!.artifactType).toBe(MEDIA_TYPE.empty)
  const found = await findSignatures(place(list, held), { subject, publicKey }, signal)
  expect(found).toEqual({ valid: [list[0]!.digest], found: 1 })
  const { artifactType: _, ...untold } = list[0]!
  expect((await findSignatures(place([untold], held), { subject, publicKey }, signal)).valid).toHaveLength(1)
})

test('it is of one key and one image', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  expect(await findSignatures(place(list, held), { subject, publicKey: other }, signal)).toEqual({
    valid: [],
    found: 1,
  })
  const moved = { ...subject, digest: sha256(Buffer.from('another image')) }
  expect(await findSignatures(place(list, held), { subject: moved, publicKey }, signal)).toEqual({
    valid: [],
    found: 0,
  })
})

test('what is gone, damaged or of another kind is no signature', async () => {
  const [entry] = list as [Descriptor]
  const without = (digest: string) => Object.fromEntries(Object.entries(held).filter(([name]) => name !== digest))
  const layer = sha256(Buffer.from(bundle))
  const cases: [readonly Descriptor[], Readonly<Record<string, string>>, number][] = [
    [list, {}, 0],
    [list, without(layer), 1],
    [list, { ...held, [layer]: `${bundle.slice(0, -1)} ` }, 1],
    [[{ ...entry, artifactType: 'application/spdx+json' }], held, 0],
  ]
  for (const [manifests, bytes, found] of cases)
    expect(await findSignatures(place(manifests, bytes), { subject, publicKey }, signal)).toEqual({ valid: [], found })
})
