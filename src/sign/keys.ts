import { createPrivateKey, createPublicKey, scryptSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { XbuildError } from '../errors.ts'

/** Where a key is read from: a file, `env://NAME`, and what they mean here. */
export interface KeyPlace {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const FORMS = 'It must be an ECDSA key on the curve P-256, in PEM: `cosign generate-key-pair`, or openssl, makes one'
const ENCRYPTED = /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END /
const MAX_KEY_BYTES = 64 << 10
/** Bytes that deriving a key from a password may need, and how often it may be done: more than cosign asks for. */
const MAX_SCRYPT = 256 << 20
const MAX_PASSES = 8

/**
 * Reads a private key; an encrypted one with the password of `COSIGN_PASSWORD`. Throws NOT_FOUND, BAD_OPTION. No
 * message has anything of the key.
 */
export async function readPrivateKey(name: string, place: KeyPlace): Promise<KeyObject> {
  const pem = await readPem(name, place)
  const password = place.env['COSIGN_PASSWORD'] ?? ''
  const encrypted = ENCRYPTED.exec(pem)?.[1]
  const key = read(name, () => {
    if (encrypted !== undefined)
      return createPrivateKey({ key: decrypt(encrypted, password, name), format: 'der', type: 'pkcs8' })
    return createPrivateKey({ key: pem, ...(/\bENCRYPTED\b/.test(pem) ? { passphrase: password } : {}) })
  })
  return onCurve(key, name)
}

/** Reads a public key, or the public half of a private one. Throws NOT_FOUND, BAD_OPTION. */
export async function readPublicKey(name: string, place: KeyPlace): Promise<KeyObject> {
  const pem = await readPem(name, place)
  if (pem.includes('PRIVATE KEY')) return createPublicKey(await readPrivateKey(name, place))
  return onCurve(
    read(name, () => createPublicKey(pem)),
    name,
  )
}

async function readPem(name: string, { cwd, env }: KeyPlace): Promise<string> {
  const variable = /^env:\/\/(.+)$/.exec(name)?.[1]
  if (variable !== undefined) {
    const text = env[variable]
    if (text === undefined || text === '')
      throw new XbuildError('BAD_OPTION', `Cannot read key "${name}": the environment has no such variable`)
    return text
  }
  if (/^[a-z0-9]+:\/\//i.test(name))
    throw new XbuildError('UNSUPPORTED', `Cannot read key "${name}": keys of services are not read by xbuild`, {
      hint: 'Write --sign cosign,key=..., which runs cosign',
    })
  try {
    const bytes = await readFile(resolve(cwd, name))
    if (bytes.length > MAX_KEY_BYTES) throw badKey(name, 'it is too large for a key')
    return bytes.toString()
  } catch (cause) {
    if (cause instanceof XbuildError) throw cause
    const state = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it cannot be read'
    throw new XbuildError('NOT_FOUND', `Cannot read key "${name}": ${state}`, { cause })
  }
}

function read(name: string, work: () => KeyObject): KeyObject {
  try {
    return work()
  } catch (cause) {
    // What the library says may show parts of the key
    if (cause instanceof XbuildError) throw cause
    throw badKey(name, 'it is no key that can be read, or the password in COSIGN_PASSWORD is wrong')
  }
}

function onCurve(key: KeyObject, name: string): KeyObject {
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw badKey(name, 'it is of a kind that is not supported')
}

/** The private key inside of cosign's form: scrypt makes a key of the password, which opens a NaCl secretbox. */
function decrypt(base64: string, password: string, name: string): Buffer {
  const form = JSON.parse(Buffer.from(base64, 'base64').toString()) as {
    readonly kdf: { readonly name: string; readonly params: Record<'N' | 'r' | 'p', number>; readonly salt: string }
    readonly cipher: { readonly name: string; readonly nonce: string }
    readonly ciphertext: string
  }
  const { kdf, cipher } = form
  if (kdf.name !== 'scrypt' || cipher.name !== 'nacl/secretbox')
    throw badKey(name, 'it is encrypted in a way that is not supported')
  const { N, r, p } = kdf.params
  if (128 * N * r > MAX_SCRYPT || p > MAX_PASSES) throw badKey(name, 'opening it needs too much memory or time')
  const opener = scryptSync(password, Buffer.from(kdf.salt, 'base64'), 32, { N, r, p, maxmem: 2 * MAX_SCRYPT })
  const box = xsalsa20poly1305(opener, Buffer.from(cipher.nonce, 'base64'))
  try {
    return Buffer.from(box.decrypt(Buffer.from(form.ciphertext, 'base64')))
  } catch {
    throw badKey(name, 'the password in COSIGN_PASSWORD does not open it')
  }
}

function badKey(name: string, state: string): XbuildError {
  return new XbuildError('BAD_OPTION', `Cannot use key "${name}": ${state}`, { hint: FORMS })
}
