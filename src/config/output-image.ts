import { compact } from '../compact.ts'
import { parseAnnotation } from '../oci/annotation.ts'
import { parseReference } from '../oci/reference.ts'
import type { Compression, ImageForm, ImageNaming, TreeForm } from './image-form.ts'
import { badValue, parseBool, parseCsv, parseText } from './values.ts'

/** How an output's attributes are read: each once. */
export interface Attributes {
  readonly text: string
  readonly label: string
  take(name: string): string | undefined
}

/** What an output of an image says of its form. Throws BAD_OPTION, BAD_REFERENCE. */
export function readImageForm({ take, text, label }: Attributes): ImageForm {
  const names = readNames(take('name'), text, label)
  const ociMediaTypes = readSwitch('oci-mediatypes', { take, text, label })
  const compression = readCompression({ take, text, label })
  const annotations = readAnnotations(text, label)
  const rewriteTimestamp = readSwitch('rewrite-timestamp', { take, text, label })
  if (ociMediaTypes === false && compression?.type === 'zstd')
    throw badValue(label, text, 'Docker has no media type for zstd layers', 'Leave out oci-mediatypes=false')
  if (ociMediaTypes === false && annotations.length > 0)
    throw badValue(label, text, "Docker's manifests have no annotations", 'Leave out oci-mediatypes=false')
  return {
    ...(names.length > 0 ? { names } : {}),
    ...(ociMediaTypes === false ? { ociMediaTypes } : {}),
    ...compact({ compression }),
    ...(annotations.length > 0 ? { annotations } : {}),
    ...compact({ rewriteTimestamp }),
  }
}

/** What an image in a registry or in the store says beside its form. */
export function readImageNaming(attributes: Attributes): ImageNaming {
  const pushByDigest = readSwitch('push-by-digest', attributes)
  const insecure = readSwitch('registry.insecure', attributes)
  const danglingPrefix = attributes.take('dangling-name-prefix')
  if (danglingPrefix !== undefined)
    parseReference(parseText(danglingPrefix, `${attributes.label} dangling-name-prefix=`))
  return {
    ...(pushByDigest ? { pushByDigest } : {}),
    ...(insecure ? { insecure } : {}),
    ...compact({ danglingPrefix }),
  }
}

/** What an output of files says of their layout. Throws BAD_OPTION. */
export function readTreeForm(attributes: Attributes): TreeForm {
  const { take, text, label } = attributes
  const platformSplit = readSwitch('platform-split', attributes)
  const attestationPrefix = take('attestation-prefix')
  if (attestationPrefix !== undefined && /[/\0]|^\.\.?$/.test(attestationPrefix))
    throw badValue(label, text, 'attestation-prefix= is not the beginning of a file name', 'Write it like sbom-')
  return {
    ...compact({ platformSplit }),
    ...(attestationPrefix ? { attestationPrefix } : {}),
  }
}

function readSwitch(name: string, { take, label }: Attributes): boolean | undefined {
  const value = take(name)
  return value === undefined ? undefined : parseBool(value, `${label} ${name}=`)
}

function readNames(value: string | undefined, text: string, label: string): readonly string[] {
  if (value === undefined) return []
  const names = value.split(',').map((name) => name.trim())
  for (const name of names) {
    if (name === '') throw badValue(label, text, 'a name is empty', 'Write it like name=HOST/NAME:TAG')
    if (parseReference(name).digest)
      throw badValue(label, text, 'a name cannot contain a digest', 'Leave out the part from "@" on')
  }
  return [...new Set(names)]
}

const LEVELS = { gzip: 9, zstd: 22 } as const

function readCompression({ take, text, label }: Attributes): Compression | undefined {
  const [type, level, force] = [take('compression'), take('compression-level'), take('force-compression')]
  if (type === undefined && level === undefined && force === undefined) return undefined
  const isForced = force !== undefined && parseBool(force, `${label} force-compression=`)
  const known = (['gzip', 'zstd', 'uncompressed'] as const).find((one) => one === (type ?? 'gzip'))
  if (known === undefined) throw unknownCompression(type!, text, label)
  if (level === undefined) return { type: known, ...(isForced ? { force: true } : {}) }
  if (known === 'uncompressed')
    throw badValue(label, text, 'uncompressed layers have no compression-level', 'Leave it out')
  const most = LEVELS[known]
  if (!/^\d{1,2}$/.test(level) || Number(level) > most)
    throw badValue(
      label,
      text,
      `compression-level is not a whole number from 0 to ${most}`,
      'Higher is smaller and slower',
    )
  return { type: known, level: Number(level), ...(isForced ? { force: true } : {}) }
}

function unknownCompression(type: string, text: string, label: string): Error {
  if (type === 'estargz' || type === 'nydus' || type === 'zstd:chunked')
    return badValue(
      label,
      text,
      `xbuild cannot do compression=${type}: such layers are made for lazy pulling, and xbuild does not write their table of contents`,
      'Use compression=zstd, or convert the pushed image with nerdctl image convert',
    )
  return badValue(label, text, `unknown compression "${type}"`, 'Use compression=gzip, zstd or uncompressed')
}

const ANNOTATION = /^annotation(?:-(manifest|index|manifest-descriptor|index-descriptor))?(?:\[([^\]]*)\])?\.(.+)$/i

/** Whether a field is an annotation: its key keeps upper case, which those of other attributes do not have. */
export function isAnnotationField(field: string): boolean {
  return /^\s*annotation(?:[-[.]|$|=)/i.test(field)
}

/** `annotation[-LEVEL][[PLATFORM]].KEY=VALUE` in the words of `--annotation`. */
function readAnnotations(text: string, label: string): string[] {
  return parseCsv(text, label)
    .filter(isAnnotationField)
    .map((field) => {
      const equals = field.indexOf('=')
      const found = equals < 0 ? null : ANNOTATION.exec(field.slice(0, equals).trim())
      if (!found)
        throw badValue(
          label,
          text,
          `"${field}" is not an annotation`,
          'Write it like annotation.KEY=VALUE, annotation-index.KEY=VALUE or annotation-manifest[linux/arm64].KEY=VALUE',
        )
      const [, level = 'manifest', platform, key] = found
      const written = `${level.toLowerCase()}${platform === undefined ? '' : `[${platform}]`}:${key}=${field.slice(equals + 1)}`
      parseAnnotation(written)
      return written
    })
}
