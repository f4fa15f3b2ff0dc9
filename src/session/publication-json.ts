import { XbuildError, type ErrorCode } from '../errors.ts'

/*
 * Data as JSON with what JSON lacks: maps, bytes and errors become an object with one field, whose name no option has.
 */

const MAP = '$map'
const BYTES = '$bytes'
const ERROR = '$error'

/** Data that JSON can hold. */
export function encode(value: unknown): unknown {
  if (value instanceof XbuildError) return { [ERROR]: { code: value.code, message: value.message, hint: value.hint } }
  if (value instanceof Map) return { [MAP]: [...value].map(([key, one]) => [encode(key), encode(one)]) }
  if (value instanceof Uint8Array) return { [BYTES]: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(encode)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (typeof one === 'function' ? [] : [[key, encode(one)]])),
  )
}

/** The data again. Throws for what is no data of `encode`. */
export function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode)
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Readonly<Record<string, unknown>>
  if (Object.hasOwn(fields, MAP))
    return new Map((fields[MAP] as [unknown, unknown][]).map(([key, one]) => [decode(key), decode(one)]))
  if (Object.hasOwn(fields, BYTES)) return Buffer.from(fields[BYTES] as string, 'base64')
  if (Object.hasOwn(fields, ERROR)) {
    const { code, message, hint } = fields[ERROR] as { code: ErrorCode; message: string; hint?: string }
    return new XbuildError(code, message, hint === undefined ? {} : { hint })
  }
  return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, decode(one)]))
}
