import { toXbuildError, type SourcePosition } from '../errors.ts'
import { parsePlatform, samePlatform, type Platform } from '../platform.ts'
import { suggest } from '../did-you-mean.ts'
import { PLATFORM_KEYS } from './file-keys.ts'
import * as read from './flag-values.ts'
import type { OverrideKey, PlatformOverride } from './options.ts'
import type { ProjectRule, ProjectSetting } from './project.ts'
import { readsBase, readsDockerfile, takesArgument } from './project-rules.ts'
import type { YamlEntry, YamlValue } from './yaml.ts'

/**
 * One platform of `platforms: {linux/arm64: {...}}`, read when the environment is known: args may take values from
 * it.
 */
export interface FilePlatform {
  readonly text: string
  readonly at: Readonly<Partial<Record<OverrideKey, SourcePosition>>>
  readonly values: Readonly<Partial<Record<Exclude<OverrideKey, 'platform'>, readonly string[]>>>
}

export type Report = (at: SourcePosition, message: string, hint?: string) => void

const KEYS = Object.keys(PLATFORM_KEYS) as readonly (keyof typeof PLATFORM_KEYS)[]

/** What the settings of a platform are read with; a name in `base` stands for what FROM says. */
const READERS = {
  dockerfile: (texts: readonly string[], input: read.FlagInput) => ({ file: read.dockerfile(texts, input) }),
  target: (texts: readonly string[], input: read.FlagInput) => ({ target: read.text(texts, input) }),
  args: (texts: readonly string[], input: read.FlagInput) => ({ buildArgs: read.buildArgs(texts, input) }),
  base: (texts: readonly string[], input: read.FlagInput) => ({ bases: read.bases(texts, input) }),
  timeout: (texts: readonly string[], input: read.FlagInput) => ({ timeout: read.duration(texts, input) }),
  optional: (texts: readonly string[], input: read.FlagInput) => ({ optional: read.bool(texts, input) }),
} as const satisfies {
  readonly [K in (typeof KEYS)[number]]: (texts: readonly string[], input: read.FlagInput) => Partial<PlatformOverride>
}

/** What a file of the project may say of a platform, and the flag that says so for all of them. */
const PROJECT: { readonly [K in (typeof KEYS)[number]]: { readonly rule: ProjectRule; readonly flag: string } } = {
  dockerfile: { rule: readsDockerfile, flag: 'file' },
  target: { rule: 'free', flag: 'target' },
  args: { rule: takesArgument, flag: 'build-arg' },
  base: { rule: readsBase, flag: 'build-context' },
  timeout: { rule: 'free', flag: 'timeout' },
  optional: { rule: 'free', flag: 'optional' },
}

/** Reads platforms as keys, each with what is different for it; `note` is told every setting. */
export function readPlatforms(
  entries: readonly YamlEntry[],
  report: Report,
  note: (setting: ProjectSetting) => void,
): FilePlatform[] {
  const known: Platform[] = []
  return entries.map(({ key: text, value, at }) => {
    const platform = readOrReport(() => (text === 'local' ? LOCAL : parsePlatform(text, LOCAL)), at, report)
    if (platform && known.some((other) => samePlatform(other, platform)))
      report(at, `Cannot use platform "${text}": it is given twice`, 'Keep one of the two')
    if (platform) known.push(platform)
    const read = readSettings(text, value, at, report)
    for (const key of KEYS) {
      const { rule, flag } = PROJECT[key]
      for (const one of read.values[key] ?? [])
        note({
          key: `platforms.${text}.${key}`,
          text: one,
          at: read.at[key] ?? at,
          rule,
          instead: `Give --${flag} ${one}`,
        })
    }
    return read
  })
}

/** Whatever this machine is: the file is read before that is known. */
const LOCAL = parsePlatform('linux/amd64')

function readSettings(text: string, value: YamlValue, place: SourcePosition, report: Report): FilePlatform {
  const at: Partial<Record<OverrideKey, SourcePosition>> = { platform: place }
  const values: Partial<Record<(typeof KEYS)[number], readonly string[]>> = {}
  if (value.kind === 'text' || value.kind === 'list')
    report(value.at, `Cannot use platform "${text}": keys and values are needed`, `The keys are ${KEYS.join(', ')}`)
  for (const entry of value.kind === 'map' ? value.entries : []) {
    const key = KEYS.find((name) => name === entry.key)
    if (!key) {
      const near = suggest(entry.key, KEYS) ?? (entry.key === 'file' ? 'dockerfile' : undefined)
      report(
        entry.at,
        `Cannot use key "${entry.key}" of platform "${text}": unknown`,
        near ? `Did you mean "${near}"?` : `The keys are ${KEYS.join(', ')}`,
      )
      continue
    }
    const texts = textsOf(key, entry, report)
    if (!texts) continue
    at[key] = entry.at
    values[key] = texts
    readOrReport(
      () => READERS[key](texts, { label: `${key} of ${text}`, env: {}, localPlatform: LOCAL }),
      entry.at,
      report,
    )
  }
  return { text, at, values }
}

/** Texts as the flag of the same meaning takes them. */
function textsOf(key: (typeof KEYS)[number], { value, at }: YamlEntry, report: Report): string[] | undefined {
  if (key !== 'args' && key !== 'base') {
    if (value.kind === 'text') return [value.text]
    report(at, `Cannot use ${key}: a string is needed`)
    return undefined
  }
  if (value.kind === 'list' && value.items.every((item) => item.kind === 'text'))
    return value.items.map((item) => (item.kind === 'text' ? item.text : ''))
  if (
    value.kind === 'map' &&
    value.entries.every((entry) => entry.value.kind === 'text' || (key === 'args' && entry.value.kind === 'nothing'))
  ) {
    return value.entries.map((entry) => (entry.value.kind === 'text' ? `${entry.key}=${entry.value.text}` : entry.key))
  }
  report(
    at,
    `Cannot use ${key}: names and values are needed`,
    key === 'args' ? 'Write it like {VERSION: 1.2}' : 'Write it like {debian: registry.example/debian-arm}',
  )
  return undefined
}

/**
 * The values of a platform's settings; `given` are the texts of build arguments of the command line, which win.
 * Throws BAD_OPTION.
 */
export function resolvePlatform(
  { text, at, values }: FilePlatform,
  input: Omit<read.FlagInput, 'label'>,
): PlatformOverride {
  const platform = text === 'local' ? input.localPlatform : parsePlatform(text, input.localPlatform)
  const parts = KEYS.flatMap((key) =>
    values[key] ? [READERS[key](values[key], { ...input, label: `${key} of ${text}` })] : [],
  )
  return Object.assign({ platform, at }, ...parts) as PlatformOverride
}

function readOrReport<T>(make: () => T, at: SourcePosition, report: Report): T | undefined {
  try {
    return make()
  } catch (error) {
    const { message, hint } = toXbuildError(error)
    report(at, message, hint)
    return undefined
  }
}
