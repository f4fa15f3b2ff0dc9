import { constants, createHash, createPrivateKey, privateDecrypt, randomUUID } from 'node:crypto'
import bcrypt from 'bcryptjs'
import { FunctionError, intOf, type LibraryFunction, ofText, parameter, textOf } from '../function.ts'
import { ANY, NUMBER, STRING } from '../types.ts'
import { list, map, text, type Value } from '../value.ts'
import { parseCsv } from './csv.ts'
import { fromJsonText, toJsonText } from './json-text.ts'

const NAMESPACES: Readonly<Record<string, string>> = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
  x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
}

// Each round doubles the work: a hostile file would ask for years
const MAX_COST = 12

function hash(name: string): LibraryFunction {
  return ofText('str', (value) => text(createHash(name).update(value).digest('hex')))
}

function fromBase64(value: string): string {
  const isBase64 =
    /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/.test(value.replace(/[\r\n]/g, '')) && !value.includes('_')
  if (!isBase64) throw new FunctionError('failed to decode base64 data')
  return utf8(Buffer.from(value, 'base64'), 'the decoded data')
}

function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FunctionError(`${what} is not UTF-8`, { cause })
  }
}

// Go's QueryEscape: a space is a plus, and what RFC 3986 does not reserve stays
function queryEscape(value: string): string {
  return encodeURIComponent(value)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function uuidv5(namespace: string, name: string): string {
  const known = NAMESPACES[namespace] ?? namespace
  const digits = known.replaceAll('-', '')
  if (!/^[0-9a-fA-F]{32}$/.test(digits))
    throw new FunctionError(`"${namespace}" is no UUID and none of dns, url, oid, x500`)
  const bytes = createHash('sha1').update(Buffer.from(digits, 'hex')).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function decrypt(cipher: string, key: string): string {
  try {
    const bytes = privateDecrypt(
      { key: createPrivateKey(key), padding: constants.RSA_PKCS1_PADDING },
      Buffer.from(cipher, 'base64'),
    )
    return bytes.toString('utf8')
  } catch (cause) {
    throw new FunctionError('failed to decrypt', { cause })
  }
}

function hashPassword(value: string, rest: readonly Value[]): string {
  if (rest.length > 1) throw new FunctionError('bcrypt() takes no more than two arguments')
  const cost = rest[0] ? intOf(rest[0], 'cost') : 10
  if (cost > MAX_COST) throw new FunctionError(`a cost above ${MAX_COST} is refused: each step doubles the time`)
  if (Buffer.byteLength(value) > 72) throw new FunctionError('bcrypt takes at most 72 bytes')
  return bcrypt.hashSync(value, Math.max(cost, 4)).replace(/^\$2b\$/, '$2a$')
}

function rows(source: string): Value {
  const [header, ...body] = parseCsv(source)
  if (!header) throw new FunctionError('missing header line')
  const twice = header.find((name, at) => header.indexOf(name) !== at)
  if (twice !== undefined) throw new FunctionError(`duplicate column name "${twice}"`)
  const made = body.map((row) => objectOf(header, row))
  return list(made[0]?.type ?? objectOf(header, header).type, made)
}

function objectOf(header: readonly string[], row: readonly string[]): Value {
  const { data } = map(
    STRING,
    header.map((name, at) => [name, text(row[at] ?? '')] as const),
  )
  return {
    type: {
      kind: 'object',
      attributes: new Map([...(data as Map<string, Value>).keys()].map((name) => [name, STRING])),
    },
    data,
  }
}

/** Functions that encode, decode and hash. */
export const ENCODING_FUNCTIONS: Readonly<Record<string, LibraryFunction>> = {
  base64decode: ofText('str', (value) => text(fromBase64(value))),
  base64encode: ofText('str', (value) => text(Buffer.from(value).toString('base64'))),
  bcrypt: {
    parameters: [parameter('str', STRING)],
    rest: parameter('cost', NUMBER),
    run: ([value, ...rest]) => text(hashPassword(textOf(value), rest)),
  },
  // Bytes are a type of their own that nothing in a bake file can make
  byteslen: { parameters: [parameter('buf', ANY)], run: () => noBytes() },
  bytesslice: {
    parameters: [parameter('buf', ANY), parameter('offset', NUMBER), parameter('length', NUMBER)],
    run: () => noBytes(),
  },
  csvdecode: ofText('str', rows),
  jsondecode: ofText('str', fromJsonText),
  jsonencode: { parameters: [{ name: 'val', type: ANY, nullable: true }], run: ([value]) => text(toJsonText(value!)) },
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha256: hash('sha256'),
  sha512: hash('sha512'),
  rsadecrypt: {
    parameters: [parameter('ciphertext', STRING), parameter('privatekey', STRING)],
    run: ([cipher, key]) => text(decrypt(textOf(cipher), textOf(key))),
  },
  urlencode: ofText('str', (value) => text(queryEscape(value))),
  uuidv4: { parameters: [], run: () => text(randomUUID()) },
  uuidv5: {
    parameters: [parameter('namespace', STRING), parameter('name', STRING)],
    run: ([namespace, name]) => text(uuidv5(textOf(namespace), textOf(name))),
  },
}

function noBytes(): never {
  throw new FunctionError('a buffer of bytes is required, which no function here makes')
}
