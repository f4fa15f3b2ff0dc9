import { compact } from '../compact.ts'
import { parsePlatform } from '../platform.ts'
import { suggest } from '../did-you-mean.ts'
import { bool } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import type { RegistryConfig } from './options.ts'
import { usageError } from './values.ts'

/** What can be done with packs. */
const PACK_VERBS = ['ls', 'build', 'verify', 'rm', 'push', 'pull'] as const

type Registries = Readonly<Record<string, RegistryConfig>>

interface PackCommon {
  readonly json: boolean
  readonly store?: string
  readonly cwd: string
}

/** A recipe, and of compilers the version that is in the names of their packages. */
export interface WantedPack {
  readonly recipe: string
  readonly version: string
}

/** `xbuild pack ...`. */
export type PackCommand = PackCommon &
  (
    | { readonly verb: 'ls' }
    /** No names: all packs. */
    | { readonly verb: 'verify'; readonly names: readonly string[] }
    | { readonly verb: 'rm'; readonly names: readonly string[] }
    /** No names: all packs. */
    | {
        readonly verb: 'push'
        readonly ref: string
        readonly names: readonly string[]
        readonly registries: Registries
      }
    /** No architectures: all of them. */
    | {
        readonly verb: 'pull'
        readonly ref: string
        readonly architectures: readonly string[]
        readonly registries: Registries
      }
    | {
        readonly verb: 'build'
        /** Absent: of every recipe that the architecture has twins by. */
        readonly wanted?: readonly WantedPack[]
        /** GOARCH. */
        readonly architectures: readonly string[]
        readonly from: { readonly id: string; readonly codename: string }
        /** Build from source what no package has. */
        readonly fromSource: boolean
      }
  )

interface PackValues {
  readonly json: boolean
  readonly all: boolean
  readonly platforms: readonly string[]
  readonly from?: string | undefined
  readonly fromSource: boolean
  readonly store?: string | undefined
}

/** Every flag of `xbuild pack`. */
export const PACK_FLAGS: { readonly [K in keyof PackValues]-?: Flag<PackValues[K]> } = {
  json: { name: 'json', group: 'common', help: 'Print packs as JSON (ls)', absent: false, parse: bool },
  all: {
    name: 'all',
    group: 'common',
    help: 'Make all packs of a distribution, like --all debian:13 linux/arm64; of compilers those of its own version (build)',
    absent: false,
    parse: bool,
  },
  platforms: {
    name: 'platform',
    placeholder: 'OS/ARCH',
    repeat: true,
    group: 'common',
    default: 'linux/arm64',
    absent: [],
    help: 'The images whose programs get twins (build, pull)',
    parse: (texts) => texts.flatMap((text) => text.split(',')).map((text) => parsePlatform(text).architecture),
  },
  from: {
    name: 'from',
    placeholder: 'DISTRIBUTION:CODENAME',
    group: 'common',
    help: 'The distribution of those images (build)',
    default: 'debian:trixie',
    absent: undefined,
    parse: (texts) => texts.at(-1),
  },
  fromSource: {
    name: 'from-source',
    group: 'common',
    help: 'Build compilers from source where no cross compiler of the same version is packaged; this takes long (build)',
    absent: false,
    parse: bool,
  },
  store: FLAGS.store,
}

/** Reads the words and values of `xbuild pack`. Throws BAD_OPTION. */
export function readPackCommand(
  words: readonly string[],
  { json, all, platforms, from, fromSource, store }: PackValues,
  { cwd, registries = {} }: { readonly cwd: string; readonly registries?: Registries | undefined },
): PackCommand {
  const [word = 'ls', ...names] = words
  const verb = PACK_VERBS.find((one) => one === word) ?? (word === 'list' ? 'ls' : word === 'remove' ? 'rm' : undefined)
  if (!verb) {
    const near = suggest(word, PACK_VERBS)
    throw usageError(
      `Cannot use "xbuild pack ${word}": unknown`,
      near ? `Did you mean xbuild pack ${near}?` : `Write xbuild pack ${PACK_VERBS.join(', ')}`,
    )
  }
  const base = { json, cwd, ...compact({ store }) }
  if (verb !== 'build' && ((platforms.length > 0 && verb !== 'pull') || from !== undefined))
    throw usageError(
      `Cannot use "--${from === undefined ? 'platform' : 'from'}" with xbuild pack ${verb}: it belongs to xbuild pack build`,
    )
  if ((all || fromSource) && verb !== 'build')
    throw usageError(
      `Cannot use "--${all ? 'all' : 'from-source'}" with xbuild pack ${verb}: it belongs to xbuild pack build`,
    )
  if (verb === 'ls') {
    if (names.length > 0) throw usageError(`Cannot list "${names.join(' ')}": xbuild pack ls takes no names`)
    return { ...base, verb }
  }
  if (verb === 'verify') return { ...base, verb, names }
  if (verb === 'push' || verb === 'pull') {
    const [ref, ...chosen] = names
    if (ref === undefined || (verb === 'pull' && chosen.length > 0))
      throw usageError(
        `Cannot ${verb} packs: one name of a registry is needed`,
        verb === 'push'
          ? 'Write it like xbuild pack push REGISTRY/NAME:TAG'
          : 'Write it like xbuild pack pull NAME@sha256:...',
      )
    return verb === 'push'
      ? { ...base, verb, ref, names: chosen, registries }
      : { ...base, verb, ref, architectures: platforms, registries }
  }
  if (all) return { ...base, verb: 'build', fromSource, ...readAll(names, { platforms, from }) }
  if (names.length === 0)
    throw usageError(
      `Cannot ${verb} packs: no name is given`,
      verb === 'rm' ? 'Write it like xbuild pack rm DIGEST' : 'Write it like xbuild pack build cc1@14 as',
    )
  if (verb === 'rm') return { ...base, verb, names }
  const wanted = names.map((name) => {
    const [, recipe, version = ''] = /^([a-z0-9+-]+)(?:@(\d{1,2}(?:\.\d{1,2})?))?$/.exec(name) ?? []
    if (!recipe) throw usageError(`Cannot build pack "${name}": not a name`, 'Write it like cc1@14 or as')
    return { recipe, version }
  })
  const distribution = readDistribution(from ?? 'debian:trixie')
  return { ...base, verb, wanted, architectures: orArm(platforms), from: distribution, fromSource }
}

/** `debian:13 linux/arm64,linux/riscv64`, in the place of --from and --platform. */
function readAll(
  words: readonly string[],
  { platforms, from }: Pick<PackValues, 'platforms' | 'from'>,
): { readonly architectures: readonly string[]; readonly from: { readonly id: string; readonly codename: string } } {
  const named = words.filter((word) => word.includes('/')).flatMap((word) => word.split(','))
  const distributions = words.filter((word) => !word.includes('/'))
  const distribution = distributions[0] ?? from
  if (distributions.length > 1 || (distributions.length > 0 && from !== undefined))
    throw usageError('Cannot build all packs: one distribution is needed', 'Write it like --all debian:13 linux/arm64')
  const architectures = [...platforms, ...named.map((text) => parsePlatform(text).architecture)]
  return { architectures: orArm([...new Set(architectures)]), from: readDistribution(distribution ?? 'debian:trixie') }
}

function orArm(architectures: readonly string[]): readonly string[] {
  return architectures.length > 0 ? architectures : ['arm64']
}

/** Releases by number. */
const CODENAMES: Readonly<Record<string, string>> = {
  'debian:13': 'trixie',
  'debian:12': 'bookworm',
  'ubuntu:24.04': 'noble',
  'ubuntu:22.04': 'jammy',
}

function readDistribution(text: string): { readonly id: string; readonly codename: string } {
  const [, id, name] = /^([a-z0-9]+):([a-z0-9.-]+)$/.exec(text) ?? []
  if (!id || !name) throw usageError(`Cannot read the distribution "${text}"`, 'Write it like debian:trixie')
  return { id, codename: CODENAMES[text] ?? name }
}
