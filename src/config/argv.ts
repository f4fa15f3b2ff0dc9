import { suggest } from '../did-you-mean.ts'
import { CLI_FLAGS } from './cli-flags.ts'
import { DOCTOR_FLAGS } from './doctor-flags.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { PACK_FLAGS } from './pack-flags.ts'
import { QEMU_FLAGS } from './qemu-flags.ts'
import { DU_FLAGS, PRUNE_FLAGS, STORE_ALIASES } from './store-flags.ts'
import { SUGGEST_FLAGS } from './suggest-flags.ts'
import { TRUST_FLAGS } from './trust-flags.ts'
import { checkLaterFlag, LATER_FLAGS, type LaterFlag } from './unsupported.ts'
import { usageError } from './values.ts'

/** The words the first argument may be. */
export const COMMANDS = [
  'build',
  'plan',
  'suggest',
  'du',
  'prune',
  'node',
  'pack',
  'qemu',
  'doctor',
  'trust',
  'version',
  'help',
] as const
export type CommandName = (typeof COMMANDS)[number]

/** A command line cut into its parts; values are still text. */
export interface Invocation {
  readonly command: CommandName
  /** What is not a flag, without the command. */
  readonly words: readonly string[]
  /** Long flag name -> its texts in order; a switch without a value is `true`. */
  readonly given: ReadonlyMap<string, readonly string[]>
}

interface Shape {
  readonly name: string
  readonly isSwitch: boolean
  /** Its value is one of the flag `name`, after this. */
  readonly prefix?: string
  /** docker has it, xbuild not yet. */
  readonly later?: boolean
}

/**
 * Cuts a command line as docker does: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-ab`, `--`. Throws
 * BAD_OPTION.
 */
export function readArgv(argv: readonly string[]): Invocation {
  const command = COMMANDS.find((name) => name === argv[0])
  const queue = argv.slice(command ? 1 : 0)
  const { longs, shorts } = SHAPES[command && command in SHAPES ? (command as keyof typeof SHAPES) : 'build']
  const words: string[] = []
  const given = new Map<string, string[]>()
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === '--') words.push(...queue.splice(0))
    else if (arg.startsWith('--')) readLong(arg)
    else if (arg.startsWith('-') && arg !== '-') readShort(arg)
    else words.push(arg)
  }
  if (given.has('version')) return { command: 'version', words, given }
  if (argv.length === 0) return { command: 'help', words, given }
  if (given.has('help')) return { command: 'help', words: command && command !== 'help' ? [command] : [], given }
  return { command: command ?? 'build', words, given }

  function readLong(arg: string): void {
    const equals = arg.indexOf('=')
    const name = arg.slice(2, equals === -1 ? undefined : equals)
    const shape = longs.get(name)
    if (!shape) throw unknownFlag(`--${name}`, command, longs)
    if (equals !== -1) give(shape, arg.slice(equals + 1))
    else give(shape, shape.isSwitch ? 'true' : nextValue(`--${name}`))
  }

  function readShort(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const shape = shorts.get(arg[at]!)
      if (!shape) throw unknownFlag(`-${arg[at]}`, command, longs)
      const rest = arg.slice(at + 1)
      if (rest.startsWith('=')) return give(shape, rest.slice(1))
      if (!shape.isSwitch) return give(shape, rest === '' ? nextValue(`-${arg[at]}`) : rest)
      give(shape, 'true')
    }
  }

  function nextValue(flag: string): string {
    const value = queue.shift()
    if (value !== undefined) return value
    throw usageError(
      `Cannot use "${flag}": its value is missing`,
      `Write ${flag} VALUE; see xbuild help ${command ?? 'build'}`,
    )
  }

  function give(shape: Shape, value: string): void {
    if (shape.later) return checkLaterFlag(shape.name, value)
    given.set(shape.name, [...(given.get(shape.name) ?? []), (shape.prefix ?? '') + value])
  }
}

const VERSION: Shape = { name: 'version', isSwitch: true }
const { config, debug, help } = CLI_FLAGS

/** `docker build` has a flag for each of these resources, some with a letter. */
const RESOURCE_FLAGS: Readonly<Record<string, string>> = {
  memory: 'm',
  'memory-swap': '',
  'cpu-shares': 'c',
  'cpu-quota': '',
  'cpu-period': '',
  'cpuset-cpus': '',
  'cpuset-mems': '',
}

const SHAPES = {
  build: shapesOf([...Object.values(FLAGS), ...Object.values(CLI_FLAGS)], Object.entries(LATER_FLAGS)),
  du: shapesOf([...Object.values(DU_FLAGS), config, debug, help]),
  prune: shapesOf([...Object.values(PRUNE_FLAGS), config, debug, help]),
  node: shapesOf([...Object.values(NODE_FLAGS), config, debug, help]),
  pack: shapesOf([...Object.values(PACK_FLAGS), config, debug, help]),
  qemu: shapesOf([...Object.values(QEMU_FLAGS), config, debug, help]),
  suggest: shapesOf([...Object.values(SUGGEST_FLAGS), config, debug, help]),
  trust: shapesOf([...Object.values(TRUST_FLAGS), debug, help]),
  doctor: shapesOf([...Object.values(DOCTOR_FLAGS), config, debug, help]),
} as const

interface Shapes {
  readonly longs: ReadonlyMap<string, Shape>
  readonly shorts: ReadonlyMap<string, Shape>
}

function shapesOf(own: readonly Flag<unknown>[], later: readonly (readonly [string, LaterFlag])[] = []): Shapes {
  const longs = new Map<string, Shape>([['version', VERSION]])
  const shorts = new Map<string, Shape>([['v', VERSION]])
  const add = (shape: Shape, short: string | undefined) => {
    longs.set(shape.name, shape)
    if (short !== undefined) shorts.set(short, shape)
  }
  for (const flag of own) add(shapeOf(flag), flag.short)
  for (const [name, flag] of later) add({ name, isSwitch: flag.isSwitch ?? false, later: true }, flag.short)
  for (const [name, short] of Object.entries(RESOURCE_FLAGS)) {
    if (!longs.has('resource')) break
    const shape = { name: 'resource', isSwitch: false, prefix: `${name}=` }
    longs.set(name, shape)
    if (short) shorts.set(short, shape)
  }
  for (const [alias, name] of Object.entries({ ...STORE_ALIASES, node: 'builder' }))
    if (longs.has(name)) longs.set(alias, longs.get(name)!)
  return { longs, shorts }
}

function shapeOf(flag: Flag<unknown>): Shape {
  return { name: flag.name, isSwitch: flag.placeholder === undefined }
}

function unknownFlag(flag: string, command: CommandName | undefined, longs: Shapes['longs']): Error {
  const near = flag.startsWith('--') ? suggest(flag.slice(2), [...longs.keys()]) : undefined
  return usageError(
    `Cannot use "${flag}": unknown flag`,
    near ? `Did you mean --${near}?` : `See xbuild help ${command ?? 'build'}`,
  )
}
