import { createPublicKey, generateKeyPairSync, randomBytes, scryptSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPrivateKey, readPublicKey } from '../../src/sign/keys.ts'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'xbuild-keys-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const place = (env: Record<string, string> = {}) => ({ cwd: folder, env })
const pem = (key: KeyObject, type: 'sec1' | 'pkcs8') => key.export({ format: 'pem', type }).toString()
const isOurs = (key: KeyObject) => createPublicKey(key).equals(pair.publicKey)

/** A key as `cosign generate-key-pair` writes it. */
function encrypted(password: string, changes: object = {}): string {
  const [salt, nonce] = [randomBytes(32), randomBytes(24)]
  const params = { N: 1024, r: 8, p: 1 }
  const box = xsalsa20poly1305(scryptSync(password, salt, 32, params), nonce)
  const ciphertext = box.encrypt(pair.privateKey.export({ format: 'der', type: 'pkcs8' }))
  const form = {
    kdf: { name: 'scrypt', params, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
    ...changes,
  }
  const base64 = Buffer.from(JSON.stringify(form)).toString('base64')
  const lines = base64.replace(/.{64}/g, '$&\n')
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`
}

test('keys are read from files and variables, plain and encrypted', async () => {
  await writeFile(join(folder, 'sec1.pem'), pem(pair.privateKey, 'sec1'))
  await writeFile(join(folder, 'cosign.key'), encrypted('secret'))
  expect(isOurs(await readPrivateKey('sec1.pem', place()))).toBe(true)
  expect(isOurs(await readPrivateKey('env://KEY', place({ KEY: pem(pair.privateKey, 'pkcs8') })))).toBe(true)
  expect(isOurs(await readPrivateKey('cosign.key', place({ COSIGN_PASSWORD: 'secret' })))).toBe(true)
  const locked = pair.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'pw' })
  const env = { KEY: locked.toString(), COSIGN_PASSWORD: 'pw' }
  expect(isOurs(await readPrivateKey('env://KEY', place(env)))).toBe(true)
  const half = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  expect((await readPublicKey('env://KEY', place({ KEY: half }))).equals(pair.publicKey)).toBe(true)
  expect((await readPublicKey('sec1.pem', place())).equals(pair.publicKey)).toBe(true)
})

test.each([
  ['a wrong password', encrypted('secret'), 'the password in COSIGN_PASSWORD does not open it'],
  ['no key', 'nothing', 'it is no key that can be read'],
  [
    'a key that needs too much memory',
    encrypted('x', { kdf: { name: 'scrypt', params: { N: 2 ** 30, r: 8, p: 1 }, salt: '' } }),
    'opening it needs too much memory',
  ],
  [
    'another cipher',
    encrypted('x', { cipher: { name: 'rot13', nonce: '' } }),
    'encrypted in a way that is not supported',
  ],
  [
    'an RSA key',
    pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs8'),
    'of a kind that is not supported',
  ],
  [
    'another curve',
    pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'pkcs8'),
    'of a kind that is not supported',
  ],
])('%s is refused, and nothing of it is said', async (_, key, state) => {
  const failure = await readPrivateKey('env://KEY', place({ KEY: key, COSIGN_PASSWORD: 'wrong' })).catch(
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ code: 'BAD_OPTION', message: expect.stringContaining(state) })
  expect(JSON.stringify(failure)).not.toContain(key.slice(40, 80) || 'nothing')
})

test('what is not there, and keys of services, are named', async () => {
  await expect(readPrivateKey('gone.key', place())).rejects.toThrow('there is no such file')
  await expect(readPrivateKey('env://GONE', place())).rejects.toThrow('no such variable')
  await expect(readPrivateKey('awskms:///x', place())).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})
