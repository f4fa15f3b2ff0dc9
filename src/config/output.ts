import { suggest } from '../did-you-mean.ts'
import type { Output } from './options.ts'
import { badValue, parseAttributes, parseBool, parseCsv } from './values.ts'

const TYPES = ['oci', 'registry', 'image', 'local', 'tar', 'docker', 'cacheonly']
const NOT_YET_ATTRIBUTES = [
  'name',
  'push-by-digest',
  'registry.insecure',
  'unpack',
  'store',
  'name-canonical',
  'dangling-name-prefix',
  'oci-mediatypes',
  'oci-artifact',
  'prefer-nondist-layers',
  'compression',
  'compression-level',
  'force-compression',
  'rewrite-timestamp',
  'source-date-epoch',
  'platform-split',
  'mode',
  'attestation-prefix',
  'attestation-inline',
]

/**
 * Reads one `--output`: `type=...,key=value` (CSV), a bare folder (local), or `-` (tar to stdout). Throws BAD_OPTION.
 */
export function parseOutput(text: string, label: string): Output {
  const fields = parseCsv(text, label)
  if (fields.length === 1 && fields[0] === text && !/^type=/i.test(text)) {
    if (text === '') throw badValue(label, text, 'empty', 'Name a folder, or write it like type=oci,dest=image.tar')
    return text === '-' ? { type: 'tar', dest: '-' } : { type: 'local', dest: text }
  }
  const attributes = parseAttributes(text, label)
  const type = attributes.get('type')
  if (type === undefined) throw badValue(label, text, 'the type is missing', `Add type=${TYPES.join('|')}`)
  const take = (name: string): string | undefined => {
    const value = attributes.get(name)
    attributes.delete(name)
    return value
  }
  take('type')
  const output = readType(type, take, text, label)
  for (const left of attributes.keys()) throw unknownAttribute(left, type, text, label)
  return output
}

function readType(type: string, take: (name: string) => string | undefined, text: string, label: string): Output {
  switch (type) {
    case 'oci':
      return readOci(take, text, label)
    case 'registry':
    case 'image': {
      const push = parseBool(take('push') ?? String(type === 'registry'), `${label} push=`)
      return { type: push ? 'registry' : 'cacheonly' } // without a push an image is where it always is: in the store
    }
    case 'local': {
      const dest = needDest(take('dest'), text, label, 'Add dest=FOLDER')
      if (dest === '-') throw badValue(label, text, 'a folder cannot be written to stdout', 'Use type=tar,dest=-')
      return { type, dest }
    }
    case 'tar':
      return { type, dest: needDest(take('dest'), text, label, 'Add dest=FILE, or dest=- for stdout') }
    case 'docker':
      return readDocker(take, text, label)
    case 'cacheonly':
      return { type }
    default:
      throw badType(type, text, label)
  }
}

function readOci(take: (name: string) => string | undefined, text: string, label: string): Output {
  const dest = needDest(take('dest'), text, label, 'Add dest=FOLDER or dest=FILE.tar')
  const given = take('tar')
  const tar = given === undefined ? dest === '-' || dest.endsWith('.tar') : parseBool(given, `${label} tar=`)
  if (dest === '-' && !tar) throw badValue(label, text, 'a folder cannot be written to stdout', 'Leave out tar=false')
  return { type: 'oci', dest, tar }
}

function readDocker(take: (name: string) => string | undefined, text: string, label: string): Output {
  const [dest, context, tar] = [take('dest'), take('context'), take('tar')]
  if (tar !== undefined && !parseBool(tar, `${label} tar=`))
    throw badValue(label, text, 'docker load reads only tar archives', 'Use type=oci,dest=FOLDER')
  if (dest === undefined) return { type: 'load', ...(context ? { context } : {}) }
  if (context !== undefined) throw badValue(label, text, 'dest= and context= contradict', 'Leave out dest or context')
  return { type: 'docker', dest: needDest(dest, text, label, 'Add dest=FILE.tar') }
}

function needDest(dest: string | undefined, text: string, label: string, hint: string): string {
  if (!dest) throw badValue(label, text, 'dest is missing', hint)
  return dest
}

function badType(type: string, text: string, label: string): Error {
  const near = suggest(type, TYPES)
  return badValue(
    label,
    text,
    `unknown type "${type}"`,
    near ? `Did you mean type=${near}?` : `The types are ${TYPES.join(', ')}`,
  )
}

function unknownAttribute(name: string, type: string, text: string, label: string): Error {
  if (name === 'name') return badValue(label, text, 'xbuild does not support name= yet', 'Name the image with --tag')
  if (NOT_YET_ATTRIBUTES.includes(name) || name.startsWith('annotation')) {
    return badValue(label, text, `xbuild does not support ${name}= yet`, 'Leave it out')
  }
  const near = suggest(name, ['type', 'dest', 'tar', 'push', 'context'])
  return badValue(label, text, `type=${type} has no "${name}"`, near ? `Did you mean ${near}=?` : undefined)
}
