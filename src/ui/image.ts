import type { AuditedPlatform } from '../image/audit.ts'
import type { Inspected, InspectedAttestation, InspectedPlatform } from '../image/inspect.ts'
import type { InspectedReferrer } from '../image/referrers.ts'
import type { Removal, RemovalPlan } from '../image/remove.ts'
import type { Transferred } from '../image/transfer.ts'
import type { Verified } from '../image/verify.ts'
import { formatTable } from './table.ts'
import { cleanLine, count, cut, formatBytes, UNSAFE } from './text.ts'

/** A value as JSON that is safe on terminals, too. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  return `${text.replaceAll(UNSAFE, (sign) => (sign === '\n' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`))}\n`
}

/** What a name stands for, and a table of its platforms. */
export function formatInspected({
  name,
  mediaType,
  digest,
  annotations = {},
  images,
  referrers = [],
  others,
}: Inspected): string {
  const facts = [
    ['Name', name],
    ['Type', mediaType],
    ['Digest', digest],
    ...Object.entries(annotations).map(([key, value], index) => [index === 0 ? 'Annotations' : '', `${key}: ${value}`]),
  ]
  const rows = images.map((image) => [
    image.platform ?? '-',
    image.digest,
    formatBytes(image.size),
    String(image.layers),
    attestationsText(image.attestations),
  ])
  const table = formatTable(['PLATFORM', 'DIGEST', 'SIZE', 'LAYERS', 'ATTESTATIONS'], rows)
  const rest = others.map(
    ({ digest: other, mediaType: type, about }) =>
      `${about === undefined ? `Other entry: ${other} (${type})` : `Attestation of ${about}, which is not in the index: ${other}`}\n`,
  )
  const said = [
    ...referrers.map((one) => referrerLine(digest, one)),
    ...images.flatMap((image) => (image.referrers ?? []).map((one) => referrerLine(image.digest, one))),
  ]
  return [
    factsText(facts),
    images.length > 0 ? `\n${table}` : '',
    said.length > 0 ? '\n' : '',
    ...said.map(cleanly),
    rest.length > 0 ? '\n' : '',
    ...rest.map(cleanly),
  ].join('')
}

/** One image: what it runs with, its layers and history. */
export function formatInspectedPlatform({
  name,
  platform,
  digest,
  mediaType,
  layers,
  config,
}: InspectedPlatform): string {
  const run = config.config ?? {}
  const list = (values: readonly string[] | undefined) => values && JSON.stringify(values)
  const facts = [
    ['Name', name],
    ['Platform', platform],
    ['Type', mediaType],
    ['Digest', digest],
    ['Created', config.created],
    ['User', run.User],
    ['Workdir', run.WorkingDir],
    ['Entrypoint', list(run.Entrypoint)],
    ['Cmd', list(run.Cmd)],
    ['Ports', Object.keys(run.ExposedPorts ?? {}).join(', ')],
    ['Volumes', Object.keys(run.Volumes ?? {}).join(', ')],
    ...(run.Env ?? []).map((line, index) => [index === 0 ? 'Env' : '', line]),
    ...Object.entries(run.Labels ?? {}).map(([key, value], index) => [index === 0 ? 'Labels' : '', `${key}=${value}`]),
  ].filter((row): row is string[] => row[1] !== undefined && row[1] !== '')
  const steps = config.history ?? []
  const filled = steps.filter(({ empty_layer }) => !empty_layer)
  const madeBy = (index: number) => (filled.length === layers.length ? (filled[index]?.created_by ?? '') : '')
  const rows = layers.map((layer, index) => [
    String(index + 1),
    layer.digest,
    formatBytes(layer.size),
    cut(cleanLine(madeBy(index)), 100),
  ])
  const history = steps.map(
    ({ created_by = '', empty_layer }) => `${empty_layer ? ' ' : '+'} ${cleanLine(created_by)}\n`,
  )
  return [
    factsText(facts),
    `\n${formatTable(['LAYER', 'DIGEST', 'SIZE', 'CREATED BY'], rows)}`,
    history.length > 0 ? `\n${count(history.length, 'step')} (+ made a layer):\n` : '',
    ...history,
  ].join('')
}

/** What was copied, one line. */
export function formatCopied({ manifests, blobs, bytes, referrers }: Transferred): string {
  const parts = [
    count(manifests, 'manifest'),
    `${count(blobs.uploaded, 'blob')} sent (${formatBytes(bytes)})`,
    ...(blobs.mounted > 0 ? [`${blobs.mounted} mounted`] : []),
    ...(blobs.exists > 0 ? [`${blobs.exists} there already`] : []),
    ...(referrers > 0 ? [count(referrers, 'referrer')] : []),
  ]
  return `${parts.join(', ')}\n`
}

/** What a check found: a line for each problem, or that all is well. */
export function formatVerified({
  name,
  digest,
  ok,
  manifests,
  blobs,
  bytes,
  referrers,
  signatures = [],
  problems,
}: Verified): string {
  const lines = problems.map((problem) => `${problem.level}: ${cleanLine(`${problem.digest} ${problem.message}`)}\n`)
  const signed = signatures.length > 0 ? ', signed' : ''
  const said = referrers > 0 ? `, ${count(referrers, 'referrer')}${signed}` : signed
  const all = `${count(manifests, 'manifest')}, ${count(blobs, 'blob')}, ${formatBytes(bytes)}${said}`
  return `${lines.join('')}${cleanLine(`${name} (${digest})`)}: ${ok ? 'ok' : 'not complete'}, ${all}\n`
}

/** What an audit found, a line for each platform. */
export function formatAudited(platforms: readonly AuditedPlatform[]): string {
  return platforms
    .flatMap(({ platform, programs, fails, message, hint, isCut, skipped }) => [
      ...(skipped === undefined ? [] : [`${platform}: not audited, ${skipped}`]),
      ...(isCut ? [`warning: ${platform}: a layer has too many files, not all programs were compared`] : []),
      ...(message === undefined ? [] : [`${fails ? 'error' : 'warning'}: ${message}`]),
      ...(hint === undefined ? [] : [`  hint: ${hint}`]),
      ...(message === undefined && skipped === undefined ? [`${platform}: ok, ${count(programs, 'program')}`] : []),
    ])
    .map((line) => `${cleanLine(line)}\n`)
    .join('')
}

/** What is removed and what stays, a line for each. */
export function formatPlan({ remove, keep, absent }: RemovalPlan): string {
  const lines = [
    ...remove.map((one) => `would remove ${removalText(one)}`),
    ...keep.map(({ digest, tags }) => `keeps ${digest}: ${tagsText(tags)}`),
    ...absent.map((digest) => `${digest} is not there`),
  ]
  return lines.map((line) => `${cleanLine(line)}\n`).join('')
}

/** One thing that is removed. */
export function removalText({ digest, tag, what }: Removal): string {
  return tag === undefined ? `${digest} (${what})` : `the tag ${tag} (of ${digest})`
}

function tagsText(tags: readonly string[]): string {
  const [first, ...more] = tags
  return `tag ${first}${more.length > 0 ? ` and ${more.length} more lead` : ' leads'} to it`
}

function factsText(facts: readonly (readonly (string | undefined)[])[]): string {
  return facts.map(([name, value]) => `${`${name}${name ? ':' : ''}`.padEnd(12)} ${cleanLine(value ?? '')}\n`).join('')
}

function referrerLine(subject: string, { digest, artifactType, predicateTypes }: InspectedReferrer): string {
  const what = predicateTypes?.map(predicateName).join(', ') ?? artifactType ?? 'unknown'
  return `Referrer of ${subject}: ${digest} (${what})\n`
}

function attestationsText(attestations: readonly InspectedAttestation[]): string {
  const names = attestations.flatMap(({ predicateTypes }) => predicateTypes.map(predicateName))
  return names.join(', ') || '-'
}

/** `https://slsa.dev/provenance/v1` as people call it. */
function predicateName(type: string): string {
  if (/slsa\.dev\/provenance/.test(type)) return 'provenance'
  if (/spdx\.dev/.test(type)) return 'SBOM (SPDX)'
  if (/cyclonedx\.org/.test(type)) return 'SBOM (CycloneDX)'
  if (/sigstore\.dev\/cosign\/sign/.test(type)) return 'signature'
  return type
}

function cleanly(line: string): string {
  return `${cleanLine(line.trimEnd())}\n`
}
