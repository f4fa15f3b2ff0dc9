import { suggest } from '../did-you-mean.ts'
import type { Output } from './options.ts'
import { isAnnotationField, readImageForm, readImageNaming, readTreeForm, type Attributes } from './output-image.ts'
import { FIXED_ATTRIBUTES, takeFixed } from './output-refusals.ts'
import { badValue, parseAttributes, parseBool, parseCsv, unknownType } from './values.ts'

const TYPES = ['oci', 'registry', 'image', 'local', 'tar', 'docker', 'cacheonly']
/** Every attribute of some type, for those that are misspelled. */
const ATTRIBUTES = [
  'type',
  'dest',
  'tar',
  'push',
  'context',
  'name',
  'push-by-digest',
  'registry.insecure',
  'dangling-name-prefix',
  'oci-mediatypes',
  'compression',
  'compression-level',
  'force-compression',
  'rewrite-timestamp',
  'platform-split',
  'mode',
  'attestation-prefix',
  ...FIXED_ATTRIBUTES,
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
  const attributes = parseAttributes(text, label, isAnnotationField)
  const type = attributes.get('type')
  if (type === undefined) throw badValue(label, text, 'the type is missing', `Add type=${TYPES.join('|')}`)
  const take = (name: string): string | undefined => {
    const value = attributes.get(name)
    attributes.delete(name)
    return value
  }
  take('type')
  if (['oci', 'docker', 'image', 'registry'].includes(type))
    takeFixed(attributes, { text, label, inRegistry: type === 'image' || type === 'registry' })
  else if (parseCsv(text, label).some(isAnnotationField)) throw unknownAttribute('annotation', type, text, label)
  const output = readType(type, { take, text, label })
  for (const left of attributes.keys()) throw unknownAttribute(left, type, text, label)
  return output
}

function readType(type: string, attributes: Attributes): Output {
  const { take, text, label } = attributes
  switch (type) {
    case 'oci':
      return readOci(attributes)
    case 'registry':
    case 'image': {
      const push = parseBool(take('push') ?? String(type === 'registry'), `${label} push=`)
      // Without a push an image is where it always is: in the store
      return { type: push ? 'registry' : 'cacheonly', ...readImageForm(attributes), ...readImageNaming(attributes) }
    }
    case 'local': {
      const dest = needDest(take('dest'), text, label, 'Add dest=FOLDER')
      if (dest === '-') throw badValue(label, text, 'a folder cannot be written to stdout', 'Use type=tar,dest=-')
      const mode = take('mode') ?? 'copy'
      if (mode === 'delete')
        throw badValue(
          label,
          text,
          'xbuild cannot do mode=delete: it never removes files that it did not write',
          'Remove the folder before, or name a new one',
        )
      if (mode !== 'copy') throw badValue(label, text, `unknown mode "${mode}"`, 'Leave it out: the mode is copy')
      return { type, dest, ...readTreeForm(attributes) }
    }
    case 'tar': {
      const dest = needDest(take('dest') ?? '-', text, label, 'Add dest=FILE, or dest=- for stdout')
      return { type, dest, ...readTreeForm(attributes) }
    }
    case 'docker':
      return readDocker(attributes)
    case 'cacheonly':
      return { type }
    default:
      throw unknownType(type, TYPES, text, label)
  }
}

function readOci(attributes: Attributes): Output {
  const { take, text, label } = attributes
  const dest = needDest(take('dest') ?? '-', text, label, 'Add dest=FOLDER or dest=FILE.tar')
  const given = take('tar')
  const tar = given === undefined ? dest === '-' || dest.endsWith('.tar') : parseBool(given, `${label} tar=`)
  if (dest === '-' && !tar) throw badValue(label, text, 'a folder cannot be written to stdout', 'Add dest=FOLDER')
  return { type: 'oci', dest, tar, ...readImageForm(attributes) }
}

function readDocker(attributes: Attributes): Output {
  const { take, text, label } = attributes
  const [dest, context, tar] = [take('dest'), take('context'), take('tar')]
  if (tar !== undefined && !parseBool(tar, `${label} tar=`))
    throw badValue(label, text, 'docker load reads only tar archives', 'Use type=oci,dest=FOLDER')
  const form = readImageForm(attributes)
  if (dest === undefined) return { type: 'load', ...(context ? { context } : {}), ...form }
  if (context !== undefined) throw badValue(label, text, 'dest= and context= contradict', 'Leave out dest or context')
  return { type: 'docker', dest: needDest(dest, text, label, 'Add dest=FILE.tar'), ...form }
}

function needDest(dest: string | undefined, text: string, label: string, hint: string): string {
  if (!dest) throw badValue(label, text, 'dest is missing', hint)
  return dest
}

function unknownAttribute(name: string, type: string, text: string, label: string): Error {
  if (ATTRIBUTES.includes(name) || name === 'annotation')
    return badValue(label, text, `type=${type} has no "${name}"`, 'Leave it out, or use another type')
  const near = suggest(name, ATTRIBUTES)
  return badValue(label, text, `type=${type} has no "${name}"`, near ? `Did you mean ${near}=?` : undefined)
}
