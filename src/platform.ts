import { distinctBy } from './distinct.ts'
import { XbuildError } from './errors.ts'
import { suggest } from './did-you-mean.ts'

/**
 * What an image runs on (image-spec image-index.md). Values of this type are always normalised: make them with the
 * functions here.
 */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly osVersion?: string
  readonly osFeatures?: readonly string[]
}

const OSES =
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 wasi windows zos'.split(
    ' ',
  )
const ARCHITECTURES =
  '386 amd64 arm arm64 arm64be armbe loong64 mips mips64 mips64le mipsle ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'.split(
    ' ',
  )

const OS_ALIASES: Readonly<Record<string, string>> = { macos: 'darwin' }
const ARCHITECTURE_ALIASES: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  i386: { architecture: '386' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
}

/** Which variants an architecture has; the others take any word. */
const VARIANTS: Readonly<Record<string, { readonly pattern: RegExp; readonly example: string }>> = {
  amd64: { pattern: /^v[1-4]$/, example: 'v1 to v4' },
  arm: { pattern: /^v[5-8]$/, example: 'v5 to v8' },
  arm64: { pattern: /^v[89](\.[0-9])?$/, example: 'v8, v8.1 ... v9, v9.1 ...' },
}

/**
 * Parses `os[(version+feature)]/architecture[/variant]`, or one of the two words alone, as containerd does, and
 * normalises it. A lone architecture means the OS of `local` (linux without it), a lone OS the architecture of `local`.
 * Throws BAD_PLATFORM.
 */
export function parsePlatform(text: string, local?: Platform): Platform {
  const parts = text.trim().split('/')
  const [first = '', second, third] = parts
  if (parts.length > 3 || parts.some((part) => !isWord(part))) throw malformed(text)
  if (second === undefined) return parseSingle(text, first, local)
  const { os, ...version } = parseOs(text, first)
  return normalizePlatform({ os, ...version, ...parseArchitecture(text, second, third) })
}

function isWord(part: string): boolean {
  return part.length <= 128 && /^[A-Za-z0-9_.-]+(\([A-Za-z0-9_.+%-]*\))?$/.test(part)
}

function parseSingle(text: string, word: string, local: Platform | undefined): Platform {
  const bare = word.split('(')[0]!.toLowerCase()
  if (OSES.includes(bare) || bare in OS_ALIASES) {
    if (!local) throw bad(text, 'it names no architecture', 'Write it like linux/arm64')
    const { os, ...version } = parseOs(text, word)
    return normalizePlatform({
      os,
      ...version,
      architecture: local.architecture,
      ...(local.variant ? { variant: local.variant } : {}),
    })
  }
  return normalizePlatform({ os: local?.os ?? 'linux', ...parseArchitecture(text, word, undefined) })
}

function parseOs(text: string, part: string): { os: string; osVersion?: string; osFeatures?: string[] } {
  const [, name = '', bracket] = /^([^(]+)(?:\((.*)\))?$/.exec(part) ?? []
  const os = OS_ALIASES[name.toLowerCase()] ?? name.toLowerCase()
  if (!OSES.includes(os)) throw unknown(text, 'operating system', name, [...OSES, ...Object.keys(OS_ALIASES)])
  const [osVersion, ...osFeatures] = (bracket ?? '').split('+').map((word) => decode(text, word))
  return {
    os,
    ...(osVersion ? { osVersion } : {}),
    ...(osFeatures.some(Boolean) ? { osFeatures: osFeatures.filter(Boolean) } : {}),
  }
}

function decode(text: string, word: string): string {
  try {
    return decodeURIComponent(word)
  } catch {
    throw malformed(text)
  }
}

function parseArchitecture(
  text: string,
  part: string,
  variant: string | undefined,
): { architecture: string; variant?: string } {
  const found = normalizeArchitecture(part, variant)
  if (!ARCHITECTURES.includes(found.architecture)) {
    throw unknown(text, 'architecture', part, [...ARCHITECTURES, ...Object.keys(ARCHITECTURE_ALIASES)])
  }
  const rule = VARIANTS[found.architecture]
  if (found.variant && rule && !rule.pattern.test(found.variant)) {
    throw bad(
      text,
      `${found.architecture} has no variant "${variant}"`,
      `Use one of ${rule.example}, or leave the variant out`,
    )
  }
  return found
}

function malformed(text: string): XbuildError {
  return bad(text, 'it is not of the form os/architecture[/variant]', 'Write it like linux/arm64 or linux/arm/v7')
}

function unknown(text: string, what: string, word: string, known: readonly string[]): XbuildError {
  const near = suggest(word, known)
  return bad(text, `unknown ${what} "${word}"`, near ? `Did you mean "${near}"?` : 'Write it like linux/arm64')
}

function bad(text: string, state: string, hint: string): XbuildError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text
  return new XbuildError('BAD_PLATFORM', `Cannot parse platform "${shown}": ${state}`, { hint })
}

/**
 * One spelling per platform: lower case, `aarch64` as arm64, arm without variant as v7, arm64/v8 and amd64/v1 without
 * variant.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase()
  const { osVersion, osFeatures } = platform
  return {
    os: OS_ALIASES[os] ?? os,
    ...normalizeArchitecture(platform.architecture, platform.variant),
    ...(osVersion ? { osVersion } : {}),
    ...(osFeatures?.length ? { osFeatures: [...new Set(osFeatures)].sort() } : {}),
  }
}

function normalizeArchitecture(name: string, written: string | undefined): { architecture: string; variant?: string } {
  const lower = name.toLowerCase()
  const alias = Object.hasOwn(ARCHITECTURE_ALIASES, lower) ? ARCHITECTURE_ALIASES[lower] : undefined
  const architecture = alias?.architecture ?? lower
  const variant = normalizeVariant(architecture, alias?.variant ?? written?.toLowerCase() ?? '')
  return { architecture, ...(variant ? { variant } : {}) }
}

function normalizeVariant(architecture: string, variant: string): string {
  if (architecture === 'amd64') return variant === 'v1' ? '' : variant
  if (architecture === 'arm') return variant === '' ? 'v7' : /^[5-8]$/.test(variant) ? `v${variant}` : variant
  if (architecture !== 'arm64') return variant
  const version = /^[0-9]/.test(variant) ? `v${variant}` : variant
  if (version === 'v8' || version === 'v8.0') return ''
  return version === 'v9.0' ? 'v9' : version
}

/** `linux/arm/v7`; OS version and features are left out, as everywhere in the field. */
export function formatPlatform(platform: Platform): string {
  return format(normalizePlatform(platform))
}

function format({ os, architecture, variant }: Platform): string {
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`
}

/** A text that is equal for equal platforms and different for different ones; OS version and features count. */
export function platformKey(platform: Platform): string {
  const normal = normalizePlatform(platform)
  const { osVersion = '', osFeatures = [] } = normal
  if (!osVersion && osFeatures.length === 0) return format(normal)
  return `${format(normal)} (${[osVersion, ...osFeatures].map(encodeURIComponent).join('+')})`
}

/** Whether two platforms are the same one after normalisation. */
export function samePlatform(a: Platform, b: Platform): boolean {
  // Values are normalised: what is written alike is alike
  if (
    a.os === b.os &&
    a.architecture === b.architecture &&
    a.variant === b.variant &&
    !a.osVersion &&
    !b.osVersion &&
    !a.osFeatures &&
    !b.osFeatures
  )
    return true
  return platformKey(a) === platformKey(b)
}

/**
 * What a CPU of the wanted platform runs by itself, best first, as containerd's `Only` orders it:
 * amd64/v3 -> v2 -> amd64 -> 386; arm64 -> arm/v8 -> v7 -> v6 -> v5.
 */
export function matchOrder(wanted: Platform): readonly Platform[] {
  const { os, architecture, variant = '' } = normalizePlatform(wanted)
  return compatible(architecture, variant).map(([name, level]) => ({
    os,
    architecture: name,
    ...(level ? { variant: level } : {}),
  }))
}

function compatible(architecture: string, variant: string): [architecture: string, variant: string][] {
  const level = Number(variant.slice(1))
  if (architecture === 'amd64') {
    const levels = variant ? countDown(level, 2).map((n) => `v${n}`) : []
    return [...levels, ''].map((name): [string, string] => ['amd64', name]).concat([['386', '']])
  }
  if (architecture === 'arm') return countDown(level, 5).map((n) => ['arm', `v${n}`])
  if (architecture === 'arm64') {
    const versions = arm64Versions(variant || 'v8').map((name) => normalizeVariant('arm64', name))
    return [...versions.map((name): [string, string] => ['arm64', name]), ...compatible('arm', 'v8')]
  }
  return variant
    ? [
        [architecture, variant],
        [architecture, ''],
      ]
    : [[architecture, '']]
}

/** v9.x includes v8.(x+5), and each version those before it. */
function arm64Versions(variant: string): string[] {
  const [major = '8', minor = '0'] = variant.slice(1).split('.')
  const own = countDown(Number(minor), 0).map((n) => `v${major}.${n}`)
  return major === '9' ? [...own, ...countDown(Number(minor) + 5, 0).map((n) => `v8.${n}`)] : own
}

function countDown(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => from - index)
}

/**
 * Index of the candidate that serves `wanted` best (the first of equals), or undefined. Features of a candidate must be
 * among the wanted ones; a wanted OS version must agree in its first three numbers (Windows builds).
 */
export function bestMatch(wanted: Platform, candidates: readonly (Platform | undefined)[]): number | undefined {
  const features = normalizePlatform(wanted).osFeatures ?? []
  for (const accepted of matchOrder(wanted)) {
    const index = candidates.findIndex(
      (candidate) =>
        candidate !== undefined &&
        formatPlatform(candidate) === formatPlatform(accepted) &&
        (candidate.osFeatures ?? []).every((feature) => features.includes(feature)) &&
        (!wanted.osVersion || !candidate.osVersion || build(wanted.osVersion) === build(candidate.osVersion)),
    )
    if (index >= 0) return index
  }
  return undefined
}

function build(version: string): string {
  return version.split('.').slice(0, 3).join('.')
}

/**
 * The Linux platform of a machine by node's name for its CPU (`process.arch`); node runs only on little-endian ppc64
 * Linux.
 */
export function platformOfNodeArch(arch: string): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle' }
  return normalizePlatform({ os: 'linux', architecture: names[arch] ?? arch })
}

/** Each platform once, in their order. */
export function distinctPlatforms(platforms: readonly Platform[]): Platform[] {
  return distinctBy(platforms, platformKey)
}

/** Stands for every platform that the base images have, until they are known; no image is for it. */
export const ALL_PLATFORMS: Platform = { os: 'linux', architecture: 'all' }

/** Whether platforms are those that the base images have. */
export function isAllPlatforms(platforms: readonly Platform[]): boolean {
  return platforms.some(({ architecture }) => architecture === ALL_PLATFORMS.architecture)
}
