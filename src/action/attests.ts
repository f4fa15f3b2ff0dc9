import { readFields } from './csv.ts'
import { runUrl, type EventPayload } from './git-context.ts'
import { yamlBool, type Env } from './inputs.ts'

/** What inputs say of attestations. */
export interface AttestInputs {
  readonly provenance: string
  readonly sbom: string
  readonly attests: readonly string[]
  readonly outputs: readonly string[]
  readonly load: boolean
}

/** What becomes of them: values of `--attest`, and the inputs that ask for an SBOM. */
export interface Attests {
  readonly args: readonly string[]
  readonly sbom: readonly string[]
}

const GO_BOOLS: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false]),
])

/**
 * The attestations of a build: those of the inputs; without any word of provenance, `mode=max` for a public
 * repository and `mode=min,inline-only=true` for a private one, but none where an engine takes the image.
 */
export function attestArgs(inputs: AttestInputs, env: Env, event: EventPayload): Attests {
  const { provenance, attests, sbom } = inputs
  const own = attests.map((text) => ({ text, type: keyOf(text, 'type', 'attests') }))
  const args: string[] = []
  if (provenance !== '') args.push(withSwitch(`type=provenance,${provenanceOf(provenance, env)}`))
  else if (!own.some(({ type }) => type === 'provenance') && wantsDefault(inputs, env))
    args.push(`type=provenance,${defaultProvenance(env, event)}`)
  for (const { text, type } of own) {
    if (type === 'sbom' || (type === 'provenance' && provenance !== '')) continue
    args.push(type === 'provenance' ? withBuilder(withSwitch(text), env) : withSwitch(text))
  }
  const asked = [...(sbom === '' ? [] : [`type=sbom,${sbom}`]), ...(sbom === '' ? sboms(own) : [])]
  return { args, sbom: asked.map(withSwitch).filter((text) => keyOf(text, 'disabled', 'sbom') !== 'true') }
}

/** The attributes that provenance has by the visibility of the repository. */
export function defaultProvenance(env: Env, event: EventPayload): string {
  return withBuilder(event.repository?.private ? 'mode=min,inline-only=true' : 'mode=max', env)
}

/** The input `provenance`: `true` names the run as the builder, `false` is passed on. */
export function provenanceOf(text: string, env: Env): string {
  const value = yamlBool(text)
  if (value !== undefined) return value ? `builder-id=${runUrl(env)}` : 'false'
  return withBuilder(text, env)
}

/** Whether attestations are made that nobody asked for. */
export function wantsDefault({ outputs, load }: Pick<AttestInputs, 'outputs' | 'load'>, env: Env): boolean {
  const none = Object.hasOwn(GO_BOOLS, env['BUILDX_NO_DEFAULT_ATTESTATIONS'] ?? '')
    ? GO_BOOLS[env['BUILDX_NO_DEFAULT_ATTESTATIONS']!]
    : false
  return !none && !load && !outputs.some((output) => outputType(output) === 'docker')
}

/** The type of an output; a path alone is `local`. */
export function outputType(output: string): string | undefined {
  const fields = readFields(output, 'outputs')
  if (fields.length === 1 && !fields[0]!.startsWith('type=')) return 'local'
  return keyOf(output, 'type', 'outputs')
}

/** The value of a key in `KEY=VALUE,...`. */
export function keyOf(text: string, key: string, label: string): string | undefined {
  const field = readFields(text, label).find((one) => one.slice(0, one.indexOf('=')).trim() === key)
  return field?.slice(field.indexOf('=') + 1).trim()
}

function sboms(own: readonly { readonly text: string; readonly type: string | undefined }[]): string[] {
  return own.flatMap(({ text, type }) => (type === 'sbom' ? [text] : []))
}

function withBuilder(text: string, env: Env): string {
  if (text === 'false' || keyOf(text, 'builder-id', 'provenance') !== undefined) return text
  return keyOf(text, 'disabled', 'provenance') === 'true' ? text : `${text},builder-id=${runUrl(env)}`
}

/** A bare boolean among attributes says whether there is an attestation. */
function withSwitch(text: string): string {
  return readFields(text, 'attests')
    .map((field) => (Object.hasOwn(GO_BOOLS, field) ? `disabled=${!GO_BOOLS[field]}` : quoted(field)))
    .join(',')
}

/** A field of a record, in quotes where it must be. */
export function quoted(field: string): string {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
