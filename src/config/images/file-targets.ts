import { compact } from '../../compact.ts'
import { usageError } from '../values.ts'
import type { Platform } from '../../platform.ts'
import { inContext, type FileImage } from '../file-images.ts'
import { resolvePlatform, type FilePlatform } from '../file-platforms.ts'
import type { FileConfig } from '../file.ts'
import type { FlagOption } from '../flags.ts'
import type { PlatformOverride } from '../options.ts'
import { IMAGE_KEYS, type ImageKey } from './keys.ts'
import { cutCwd } from './options.ts'
import type { ImageTarget, Said, SaidRecord } from './target.ts'

/** Texts of a command line by option. */
export type GivenTexts = { readonly [K in FlagOption]?: readonly string[] | undefined }

/** What stands over the images of a file, and what they are read against. */
export interface FileTargetsInput {
  /** Texts of the command line for an image, by option; they are the user's own word. */
  givenFor(image: string): GivenTexts
  readonly env: Readonly<Record<string, string | undefined>>
  readonly localPlatform: Platform
}

/**
 * The images of xbuild.yaml in the model that all files share: what an image does not say is as at the top level, and
 * the command line stands over both. Throws BAD_OPTION for images of one name.
 */
export function fileTargets(file: FileConfig, input: FileTargetsInput): ImageTarget[] {
  const targets = (file.images ?? []).map((image) => targetOf(image, file, input))
  const owners = new Map<string, string>()
  for (const { name, at, tags = [] } of targets)
    for (const { value, at: place } of tags) {
      const other = owners.get(value)
      if (other !== undefined && other !== name)
        throw usageError(
          `Cannot build "${other}" and "${name}": both are called "${value}"`,
          'Give each image its own tags',
        ).with({ at: place ?? at })
      owners.set(value, name)
    }
  return targets
}

function targetOf(image: FileImage, file: FileConfig, { givenFor, env, localPlatform }: FileTargetsInput): ImageTarget {
  const given = givenFor(image.name)
  const texts: Record<string, readonly Said[]> = {}
  for (const [key, one] of Object.entries(IMAGE_KEYS)) {
    const { option, shape } = one
    const own = image.texts[key]
    const shared =
      option && file.values[option]?.map((value): Said => ({ value: sharedText(key, value), at: image.at }))
    const line = option && given[option]?.map((value): Said => ({ value: sharedText(key, value) }))
    const all = shape === 'pairs' ? [...(shared ?? []), ...(own ?? []), ...(line ?? [])] : (line ?? own ?? shared ?? [])
    if (all.length > 0) texts[key] = all
  }
  const context = cutCwd(texts['context']?.[0]?.value ?? '.')
  const overrides = overridesOf(image, file, context, { given, env, localPlatform })
  const fields: Record<string, unknown> = {}
  for (const [key, said] of Object.entries(texts)) {
    const one = IMAGE_KEYS[key]!
    const value = valueOf(one, said, env)
    fields[one.field] = one.field === 'attest' ? [...((fields['attest'] as Said[]) ?? []), ...(value as Said[])] : value
  }
  return { name: image.name, at: image.at, ...fields, ...(overrides.length > 0 ? { overrides } : {}) }
}

/** A Dockerfile of the top level, or of the command line, lies where the run is, not in the context of an image. */
function sharedText(key: string, text: string): string {
  return key === 'dockerfile' && !/^(?:-$|https?:\/\/)/i.test(text) ? `cwd://${text}` : text
}

function valueOf({ field, shape, option }: ImageKey, said: readonly Said[], env: FileTargetsInput['env']): unknown {
  const last = said.at(-1)!
  switch (shape) {
    case 'text':
      return last
    case 'switch':
      return { ...last, value: /^(?:1|t|true)$/i.test(last.value) }
    case 'texts':
      return said
    case 'provenance':
      return [{ ...last, value: attestText(option!, last.value) }]
    case 'pairs':
      return recordOf(said, (name) => (field === 'args' ? env[name] : ''))
    case 'hosts':
      return hostsOf(said)
  }
}

function attestText(type: string, text: string): string {
  if (/^(?:1|t|true)$/i.test(text)) return `type=${type}`
  return /^(?:0|f|false)$/i.test(text) ? `type=${type},disabled=true` : `type=${type},${text}`
}

/** Of a name the last text counts; a name without a value that nobody knows is left out. */
function recordOf(said: readonly Said[], alone: (name: string) => string | undefined): SaidRecord {
  const pairs = said.flatMap(({ value, at }) => {
    const equals = value.indexOf('=')
    const [name, text] = equals === -1 ? [value, alone(value)] : [value.slice(0, equals), value.slice(equals + 1)]
    return text === undefined ? [] : [[name, { value: text, at }] as const]
  })
  return Object.fromEntries(pairs)
}

function hostsOf(said: readonly Said[]): SaidRecord {
  const hosts = new Map<string, Said>()
  for (const { value, at } of said) {
    const [, name = '', address = ''] = /^([^:=]+)[:=](.*)$/s.exec(value) ?? []
    const known = hosts.get(name)
    hosts.set(name, { value: known ? `${known.value},${address}` : address, at })
  }
  return Object.fromEntries(hosts)
}

type OverrideInput = Omit<FileTargetsInput, 'givenFor'> & { readonly given: GivenTexts }

/** Settings of single platforms, without what the command line says for all of them. */
function overridesOf(
  image: FileImage,
  file: FileConfig,
  context: string,
  { given, env, localPlatform }: OverrideInput,
): PlatformOverride[] {
  const own = image.platforms ?? (image.texts['platforms'] ? [] : (file.platforms ?? []))
  const folder = image.platforms ? context : '.'
  return own.map((platform) => overrideOf(platform, folder, { given, env, localPlatform }))
}

function overrideOf(platform: FilePlatform, folder: string, { given, ...input }: OverrideInput): PlatformOverride {
  const override = yieldTo(resolvePlatform(platform, input), given)
  return override.file === undefined ? override : { ...override, file: inContext(override.file, folder) }
}

/** An override without what the command line says for all platforms. */
export function yieldTo(override: PlatformOverride, given: GivenTexts): PlatformOverride {
  const { file, target, timeout, ...rest } = override
  const named = (texts: readonly string[] = []) => texts.map((text) => text.split('=')[0]!)
  const without = <T>(record: Readonly<Record<string, T>> | undefined, names: readonly string[]) =>
    record && Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
  const buildArgs = without(override.buildArgs, named(given.buildArgs))
  const bases = without(override.bases, named(given.buildContexts))
  return {
    ...rest,
    ...(file === undefined || given.file ? {} : { file }),
    ...(target === undefined || given.target ? {} : { target }),
    ...(timeout === undefined || given.timeout ? {} : { timeout }),
    ...compact({ buildArgs, bases }),
  }
}
