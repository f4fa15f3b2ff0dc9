import { stringify } from 'yaml'
import { IMAGE_KEYS, type ImageKey } from '../images/keys.ts'
import { isAbsolutePath } from '../images/paths.ts'
import type { ImageTarget, Said, SaidRecord } from '../images/target.ts'

/** What was left out, or what a person should check. */
export interface InitNote {
  /** The file that it is about. */
  readonly file: string
  readonly message: string
}

/** Where paths of other files are seen from, and the schema that editors are told. */
export interface WriteInput {
  readonly folder: string
  readonly schema: string | undefined
}

/** The text of an xbuild.yaml with these images; absolute paths in the folder become relative ones. */
export function writeImages(targets: readonly ImageTarget[], { folder, schema }: WriteInput): string {
  const images = Object.fromEntries(targets.map((target) => [target.name, imageOf(target, folder)]))
  const head = schema === undefined ? '' : `# yaml-language-server: $schema=${schema}\n`
  return `${head}${stringify({ images }, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function imageOf(target: ImageTarget, folder: string): Record<string, unknown> {
  const context = shortened(target.context?.value ?? '.', folder)
  const entries = Object.entries(IMAGE_KEYS).flatMap(([name, key]) => {
    // A Dockerfile of its own text counts, whatever file is named
    const isUnused = key.shape === 'provenance' || (key.field === 'dockerfile' && target.dockerfileInline !== undefined)
    const value = isUnused ? undefined : valueOf(target, key, (text) => shortened(text, folder))
    return value === undefined ? [] : [[name, value] as const]
  })
  const image: Record<string, unknown> = { ...Object.fromEntries(entries), context }
  const { dockerfile } = image
  // A Dockerfile that is named by its whole path lies in the context, or is one of this folder
  if (typeof dockerfile === 'string' && target.dockerfile && isAbsolutePath(target.dockerfile.value))
    image['dockerfile'] = inContext(dockerfile, context)
  return image
}

function inContext(path: string, context: string): string {
  if (isAbsolutePath(path)) return path
  if (context === '.') return path
  return path.startsWith(`${context}/`) ? path.slice(context.length + 1) : `cwd://${path}`
}

function valueOf(target: ImageTarget, { field, shape }: ImageKey, short: (text: string) => string): unknown {
  const said: unknown = target[field]
  if (said === undefined) return undefined
  switch (shape) {
    case 'text':
      return field === 'dockerfileInline' ? (said as Said).value : short((said as Said).value)
    case 'switch':
      return (said as Said<boolean>).value
    case 'texts':
      return listOf((said as readonly Said[]).map(({ value }) => withShortPaths(value, short)))
    case 'pairs':
      return recordOf(said as SaidRecord, field === 'contexts' ? short : (text) => text)
    case 'hosts':
      return listOf(Object.entries(said as SaidRecord).flatMap(([name, { value }]) => addresses(name, value)))
    case 'provenance':
      return undefined
  }
}

function addresses(name: string, ips: string): string[] {
  return ips.split(',').map((ip) => `${name}=${ip.trim()}`)
}

/** `src=` and `dest=` of secrets, caches and outputs. */
function withShortPaths(text: string, short: (text: string) => string): string {
  return text.replace(/(^|,)(src|source|dest)=(\/[^,"]*)/g, (_, before: string, key: string, path: string) => {
    return `${before}${key}=${short(path)}`
  })
}

function listOf(texts: readonly string[]): readonly string[] | undefined {
  return texts.length === 0 ? undefined : texts
}

function recordOf(record: SaidRecord, write: (text: string) => string): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(record).map(([name, { value }]) => [name, write(value)] as const)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** An absolute path in the folder as a relative one. */
function shortened(path: string, folder: string): string {
  if (path === folder) return '.'
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path
}
