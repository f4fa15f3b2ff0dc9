import { parseReference } from '../oci/reference.ts'
import { readGha, type GhaSettings, type Take } from './gha-cache.ts'
import { parseSize } from './store-values.ts'
import { badValue, parseAttributes, parseBool, parseCsv, unknownType } from './values.ts'

/** Where steps that other machines ran are looked up. */
export type CacheSource =
  | { readonly type: 'registry'; readonly ref: string }
  /** A folder that `type=local` wrote. */
  | { readonly type: 'local'; readonly src: string }
  /** GitHub's cache service. */
  | ({ readonly type: 'gha' } & GhaSettings)

/** Where the steps of a build go for other machines. `mode`: only steps of the result, or all. */
export type CacheTarget =
  | { readonly type: 'registry'; readonly ref: string; readonly mode: CacheMode }
  | { readonly type: 'local'; readonly dest: string; readonly mode: CacheMode }
  /** `maxSize`: bytes that the layers of a platform may have; those that save the most time are kept. */
  | ({ readonly type: 'gha'; readonly mode: CacheMode; readonly maxSize?: number } & GhaSettings)
  /** Within the config of the image itself. */
  | { readonly type: 'inline' }

export type CacheMode = 'min' | 'max'

const TYPES = ['registry', 'local', 'inline', 'gha']
const LATER_TYPES = ['s3', 'azblob']
/** What they ask for is what xbuild does. */
const FIXED: Readonly<Record<string, RegExp>> = {
  compression: /^gzip$/,
  'image-manifest': /^true$/i,
  'oci-mediatypes': /^true$/i,
  'force-compression': /^false$/i,
  version: /^2$/, // of GitHub's service; the first one is gone
}
const LATER = [
  'compression',
  'compression-level',
  'force-compression',
  'image-manifest',
  'oci-mediatypes',
  'tag',
  'digest',
  'reset',
  'version',
  'repository',
  'ghtoken',
]

/**
 * Reads one `--cache-from`: `type=...,key=value`, or bare references separated by commas. Throws BAD_OPTION or
 * BAD_REFERENCE.
 */
export function parseCacheSource(text: string, label: string): readonly CacheSource[] {
  const refs = bareRefs(text, label)
  if (refs) return refs.map((ref) => ({ type: 'registry', ref }))
  return [
    readEntry(text, label, (type, take): CacheSource => {
      if (type === 'local') return { type, src: need(take, 'src', text, label) }
      if (type === 'gha') return { type, ...readGha(take, label) }
      if (type === 'registry') return { type, ref: readRef(take, text, label) }
      throw badValue(
        label,
        text,
        'an inline cache is read from the image that holds it',
        'Write type=registry,ref=IMAGE',
      )
    }),
  ]
}

/** Reads one `--cache-to`, as `parseCacheSource` does. */
export function parseCacheTarget(text: string, label: string): readonly CacheTarget[] {
  const refs = bareRefs(text, label)
  if (refs) return refs.map((ref) => ({ type: 'registry', ref, mode: 'min' }))
  return [
    readEntry(text, label, (type, take): CacheTarget => {
      // A failed export never fails the build: there is nothing to switch
      const ignore = take('ignore-error')
      if (ignore !== undefined) parseBool(ignore, `${label} ignore-error=`)
      const mode = take('mode') ?? 'min'
      if (mode !== 'min' && mode !== 'max') throw badValue(label, text, `mode "${mode}" is neither min nor max`)
      if (type === 'local') return { type, dest: need(take, 'dest', text, label), mode }
      if (type === 'gha') {
        const most = take('max-size')
        const maxSize = most === undefined ? {} : { maxSize: parseSize(most, `${label} max-size=`) }
        return { type, ...readGha(take, label), mode, ...maxSize }
      }
      if (type === 'registry') return { type, ref: readRef(take, text, label), mode }
      if (mode === 'max')
        throw badValue(
          label,
          text,
          'an inline cache holds the steps of the result only',
          'Leave out mode=max, or use type=registry',
        )
      return { type: 'inline' }
    }),
  ]
}

function bareRefs(text: string, label: string): readonly string[] | undefined {
  const fields = parseCsv(text, label)
  if (fields.some((field) => field.includes('='))) return undefined
  for (const field of fields) parseReference(field)
  return fields
}

function readEntry<T>(
  text: string,
  label: string,
  read: (type: 'registry' | 'local' | 'inline' | 'gha', take: Take) => T,
): T {
  const attributes = parseAttributes(text, label)
  const take = (name: string) => {
    const value = attributes.get(name)
    attributes.delete(name)
    return value
  }
  const type = take('type')
  if (type === undefined) throw badValue(label, text, 'the type is missing', `Add type=${TYPES.join('|')}`)
  if (type !== 'registry' && type !== 'local' && type !== 'inline' && type !== 'gha') throw badType(type, text, label)
  const entry = read(type, take)
  for (const [name, value] of attributes) {
    if (FIXED[name]?.test(value)) continue
    if (name === 'registry.insecure')
      throw badValue(
        label,
        text,
        'xbuild does not support registry.insecure= here',
        'Write registries: {HOST: {insecure: true}} in xbuild.yaml',
      )
    if (LATER.includes(name))
      throw badValue(label, text, `xbuild does not support ${name}=${value} yet`, 'Leave it out')
    throw badValue(label, text, `type=${type} has no "${name}"`)
  }
  return entry
}

function badType(type: string, text: string, label: string): Error {
  if (LATER_TYPES.includes(type))
    return badValue(label, text, `xbuild does not support type=${type} yet`, 'Use type=registry or type=local')
  return unknownType(type, TYPES, text, label)
}

function need(take: Take, name: string, text: string, label: string): string {
  const value = take(name)
  if (!value) throw badValue(label, text, `${name} is missing`, `Add ${name}=FOLDER`)
  return value
}

function readRef(take: Take, text: string, label: string): string {
  const ref = take('ref')
  if (!ref) throw badValue(label, text, 'ref is missing', 'Add ref=HOST/NAME:TAG')
  parseReference(ref)
  return ref
}
