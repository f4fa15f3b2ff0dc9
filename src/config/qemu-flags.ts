import { parsePlatform } from '../platform.ts'
import { suggest } from '../did-you-mean.ts'
import { bool } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { usageError } from './values.ts'

/** What can be done with QEMU's handlers of the whole machine. */
const QEMU_VERBS = ['status', 'install', 'uninstall'] as const

/** `xbuild qemu ...`. `architectures`: GOARCH; none: all. */
export type QemuCommand =
  | { readonly verb: 'status'; readonly architectures: readonly string[]; readonly json: boolean }
  | {
      readonly verb: 'install'
      readonly architectures: readonly string[]
      readonly force: boolean
      readonly credentials: boolean
      readonly packs: boolean
    }
  | { readonly verb: 'uninstall'; readonly architectures: readonly string[] }

interface QemuValues {
  readonly json: boolean
  readonly force: boolean
  readonly credentials: boolean
  readonly packs: boolean
}

/** Every flag of `xbuild qemu`. */
export const QEMU_FLAGS: { readonly [K in keyof QemuValues]-?: Flag<QemuValues[K]> } = {
  json: { name: 'json', group: 'common', help: 'Print everything as JSON (status)', absent: false, parse: bool },
  force: {
    name: 'force',
    short: 'f',
    group: 'common',
    help: 'Register a handler even if there is another one, which stays with lower priority (install)',
    absent: false,
    parse: bool,
  },
  credentials: {
    name: 'credentials',
    group: 'common',
    absent: false,
    parse: bool,
    help: 'Let foreign set-user-id programs (sudo, su) keep their rights in containers, with the flag C; anyone who can put such a program on this machine can then attack a QEMU that runs as root (install)',
  },
  packs: {
    name: 'packs',
    group: 'common',
    absent: false,
    parse: bool,
    help: 'Add to QEMU the handler that starts native twins of compilers, for engines here that other machines use as nodes with packs (install)',
  },
}

/** Reads the words and values of `xbuild qemu`. Throws BAD_OPTION, BAD_PLATFORM. */
export function readQemuCommand(
  words: readonly string[],
  { json, force, credentials, packs }: QemuValues,
): QemuCommand {
  const [word = 'status', ...names] = words
  const verb =
    QEMU_VERBS.find((one) => one === word) ??
    (word === 'ls' ? 'status' : word === 'rm' || word === 'remove' ? 'uninstall' : undefined)
  if (!verb) {
    const near = suggest(word, QEMU_VERBS)
    throw usageError(
      `Cannot use "xbuild qemu ${word}": unknown`,
      near ? `Did you mean xbuild qemu ${near}?` : `Write xbuild qemu ${QEMU_VERBS.join(', ')}`,
    )
  }
  const foreign = [
    ['--json', json, 'status'],
    ['--force', force, 'install'],
    ['--credentials', credentials, 'install'],
    ['--packs', packs, 'install'],
  ].find(([, given, owner]) => given && owner !== verb)
  if (foreign)
    throw usageError(
      `Cannot use "${String(foreign[0])}" with xbuild qemu ${verb}: it belongs to xbuild qemu ${String(foreign[2])}`,
    )
  const architectures = names
    .flatMap((name) => name.split(','))
    .filter((name) => name !== 'all')
    .map(architectureOf)
  if (verb === 'status') return { verb, architectures, json }
  return verb === 'install' ? { verb, architectures, force, credentials, packs } : { verb, architectures }
}

/** `arm64`, `aarch64`, `linux/arm64` are the same. */
function architectureOf(name: string): string {
  const { os, architecture } = parsePlatform(name.includes('/') ? name : `linux/${name}`)
  if (os !== 'linux')
    throw usageError(
      `Cannot emulate "${name}": QEMU's handlers run programs for Linux`,
      'Name an architecture, like arm64',
    )
  return architecture
}
