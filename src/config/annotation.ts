import { parsePlatform, type Platform } from '../platform.ts'
import { badValue } from './values.ts'

/** The JSON object an annotation is written into. */
export type AnnotationPlace = 'index' | 'index-descriptor' | 'manifest' | 'manifest-descriptor'

/** A `--annotation`, read: where it goes (for one platform, or for all) and what it says. */
export interface Annotation {
  readonly targets: readonly { readonly place: AnnotationPlace; readonly platform?: Platform }[]
  readonly key: string
  readonly value: string
}

const PLACES: readonly string[] = ['index', 'index-descriptor', 'manifest', 'manifest-descriptor']

/** Reads `[type[,type]:]key=value`, each type with an optional `[os/arch]`; no type means manifest. Throws BAD_OPTION. */
export function parseAnnotation(text: string, label = '--annotation'): Annotation {
  const equals = text.indexOf('=')
  const left = equals === -1 ? text : text.slice(0, equals)
  const colon = left.indexOf(':')
  const key = left.slice(colon + 1)
  if (equals === -1 || key === '') {
    throw badValue(label, text, 'not [type:]key=value', 'Write it like org.opencontainers.image.title=Hello or index:key=value')
  }
  const types = colon === -1 ? ['manifest'] : left.slice(0, colon).split(',')
  return { targets: types.map((type) => parseTarget(type, text, label)), key, value: text.slice(equals + 1) }
}

function parseTarget(type: string, text: string, label: string): Annotation['targets'][number] {
  const [, place, platform] = /^([a-z-]+)(?:\[([\w/.-]+)\])?$/.exec(type) ?? []
  if (!isPlace(place)) throw badValue(label, text, `unknown type "${type}"`, `The types are ${PLACES.join(', ')}`)
  return platform === undefined ? { place } : { place, platform: parsePlatform(platform) }
}

function isPlace(text: string | undefined): text is AnnotationPlace {
  return text !== undefined && PLACES.includes(text)
}
