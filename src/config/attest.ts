import { suggest } from '../did-you-mean.ts'
import { badValue, parseAttributes, parseBool, readBool, usageError } from './values.ts'

/** What is attested of how an image came to be (SLSA provenance). */
export interface ProvenanceOptions {
  /** `min` holds no values of build arguments, no labels, no names of secrets, no Dockerfile. */
  readonly mode: 'min' | 'max'
  /** Of the SLSA predicate. */
  readonly version: 'v1' | 'v0.2'
  /** URL of who builds; empty: nobody says. */
  readonly builderId: string
  /** The user says that the build is meant to give the same bytes again. */
  readonly reproducible: boolean
  /** Only with images, not beside files of a local or tar output. */
  readonly inlineOnly: boolean
  /** Name of the file in a local or tar output. */
  readonly filename: string
  /** Where it is kept; absent: in the index. */
  readonly form?: AttestForm
}

/** What is listed of the contents of an image. */
export interface SbomOptions {
  /** Where it is kept; absent: in the index. */
  readonly form?: AttestForm
}

/**
 * Where attestations are kept: in the index as BuildKit's manifests with an image config, which every registry takes,
 * or outside of it as manifests that name the image as their subject (OCI 1.1 referrers).
 */
export type AttestForm = 'index' | 'referrers'

/** What is attested when nothing more is said than that something is. */
export const DEFAULT_PROVENANCE: ProvenanceOptions = {
  mode: 'max',
  version: 'v1',
  builderId: '',
  reproducible: false,
  inlineOnly: false,
  filename: 'provenance.json',
}
const KEYS = ['mode', 'version', 'builder-id', 'reproducible', 'inline-only', 'filename', 'form']
const HINT = 'Write it like mode=min, mode=max, true or false'

/**
 * Reads `true`, `false` or `mode=min|max[,version=v1|v0.2][,builder-id=URL][,...]`; false: nothing is attested.
 * Throws BAD_OPTION.
 */
export function parseProvenance(text: string, label: string): ProvenanceOptions | false {
  const value = readBool(text)
  if (value !== undefined) return value && DEFAULT_PROVENANCE
  if (!text.includes('=')) throw badValue(label, text, 'neither true, false nor a mode', HINT)
  return readProvenance(parseAttributes(text, label), text, label)
}

/** What `--attest` asks for; what it does not name is absent. */
export interface Attests {
  readonly provenance?: ProvenanceOptions | false
  readonly sbom?: SbomOptions | boolean
}

/** Reads every `--attest`: the last of each type counts. Throws BAD_OPTION. */
export function parseAttests(texts: readonly string[], label: string): Attests {
  let attests: Attests = {}
  for (const text of texts) {
    const attributes = parseAttributes(text, label)
    const type = attributes.get('type')
    attributes.delete('type')
    if (type === 'provenance') attests = { ...attests, provenance: readProvenance(attributes, text, label) }
    else if (type === 'sbom') attests = { ...attests, sbom: readSbom(attributes, text, label) }
    else
      throw badValue(
        label,
        text,
        type === undefined ? 'the type is missing' : `unknown type "${type}"`,
        'Write it like type=provenance,mode=max or type=sbom',
      )
  }
  return attests
}

/** Reads `--sbom`: true, false or `form=index|referrers`. Throws BAD_OPTION. */
export function parseSbom(text: string, label: string): SbomOptions | boolean {
  return readBool(text) ?? readSbom(parseAttributes(text, label), text, label)
}

interface AttestOptions {
  readonly provenance?: ProvenanceOptions | false
  readonly sbom?: SbomOptions | boolean
  readonly attest?: Attests
}

/** What is to be attested: `--provenance` wins over `--attest`, and nothing is attested unasked. */
export function provenanceOf({ provenance, attest }: AttestOptions): ProvenanceOptions | undefined {
  return (provenance ?? attest?.provenance) || undefined
}

/** How the contents of the image are to be listed, if they are: `--sbom` wins over `--attest`. */
export function sbomOf({ sbom, attest }: AttestOptions): SbomOptions | undefined {
  const wanted = sbom ?? attest?.sbom ?? false
  return wanted === true ? {} : wanted || undefined
}

/** Whether an attestation goes into the index, which one image alone then has, too. */
export function attestsInIndex(options: AttestOptions): boolean {
  return [provenanceOf(options), sbomOf(options)].some((one) => one !== undefined && one.form !== 'referrers')
}

function readProvenance(attributes: Map<string, string>, text: string, label: string): ProvenanceOptions | false {
  if (isDisabled(attributes, label)) return false
  const unknown = [...attributes.keys()].find((key) => !KEYS.includes(key))
  if (unknown !== undefined) {
    const near = suggest(unknown, KEYS)
    throw badValue(
      label,
      text,
      `"${unknown}" is unknown`,
      near ? `Did you mean ${near}=?` : `The keys are ${KEYS.join(', ')}`,
    )
  }
  const given = attributes.get('mode') ?? DEFAULT_PROVENANCE.mode
  const mode = given === 'full' ? 'max' : given
  if (mode !== 'min' && mode !== 'max')
    throw badValue(label, text, `unknown mode "${mode}"`, 'The modes are min and max')
  const version = attributes.get('version') ?? DEFAULT_PROVENANCE.version
  if (version !== 'v1' && version !== 'v0.2')
    throw badValue(label, text, `unknown version "${version}"`, 'The versions are v1 and v0.2')
  const filename = attributes.get('filename') ?? DEFAULT_PROVENANCE.filename
  if (!/^[^/\0]{1,255}$/.test(filename) || filename === '.' || filename === '..')
    throw badValue(label, text, 'filename is not a valid file name', 'Give a name without a folder')
  const bool = (key: string) => parseBool(attributes.get(key) ?? 'false', `${label} ${key}=`)
  return {
    mode,
    version,
    filename,
    builderId: attributes.get('builder-id') ?? '',
    reproducible: bool('reproducible'),
    inlineOnly: bool('inline-only'),
    ...readForm(attributes, text, label),
  }
}

function isDisabled(attributes: Map<string, string>, label: string): boolean {
  const text = attributes.get('disabled')
  attributes.delete('disabled')
  return text !== undefined && parseBool(text, `${label} disabled=`)
}

function readForm(attributes: Map<string, string>, text: string, label: string): { readonly form?: AttestForm } {
  const form = attributes.get('form')
  if (form === undefined) return {}
  if (form !== 'index' && form !== 'referrers')
    throw badValue(label, text, `unknown form "${form}"`, 'The forms are index and referrers')
  return { form }
}

function readSbom(attributes: Map<string, string>, text: string, label: string): SbomOptions | boolean {
  if (isDisabled(attributes, label)) return false
  const form = readForm(attributes, text, label)
  const unknown = [...attributes.keys()].find((key) => key !== 'form')
  if (unknown === undefined) return form.form === undefined ? true : form
  if (unknown === 'generator')
    throw usageError(
      `Cannot use "${label} ${text}": xbuild runs no scanner image`,
      'Leave the generator out: xbuild lists the packages itself',
    )
  throw badValue(label, text, `"${unknown}" is unknown`, 'Write it like true, false or form=referrers')
}
