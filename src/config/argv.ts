import { insteadOf } from './flags-of-others.ts'
import { suggest } from '../did-you-mean.ts'
import type { Flag } from './flag.ts'
import { checkLaterFlag, type LaterFlag } from './unsupported.ts'
import { usageError } from './values.ts'

/** What of a command its command line is cut by. */
export interface CommandShape {
  readonly name: string
  readonly flags: readonly Flag<unknown>[]
  /** Flags of docker that xbuild does not have yet. */
  readonly laterFlags?: Readonly<Record<string, LaterFlag>>
}

/** A command line cut into its parts; values are still text. */
export interface Invocation {
  readonly command: string
  /** What is not a flag, without the command. */
  readonly words: readonly string[]
  /** Long flag name -> its texts in order; a switch without a value is `true`. */
  readonly given: ReadonlyMap<string, readonly string[]>
  /** Nothing was written at all. */
  readonly bare?: boolean
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
export function readArgv(argv: readonly string[], commands: readonly CommandShape[]): Invocation {
  const named = commands.find(({ name }) => name === argv[0])
  const command = named?.name
  const queue = argv.slice(named ? 1 : 0)
  const { longs, shorts } = shapesOf(named ?? commands.find(({ name }) => name === 'build')!)
  const words: string[] = []
  const given = new Map<string, string[]>()
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === '--') words.push(...queue.splice(0))
    else if (arg.startsWith('--')) readLong(arg)
    else if (arg.startsWith('-') && arg !== '-') readShort(arg)
    else words.push(arg)
  }
  if (given.has('version')) return { command: 'version', words, given }
  if (given.has('help')) return { command: 'help', words: command && command !== 'help' ? [command] : [], given }
  return { command: command ?? 'build', words, given, ...(argv.length === 0 ? { bare: true } : {}) }

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

interface Shapes {
  readonly longs: ReadonlyMap<string, Shape>
  readonly shorts: ReadonlyMap<string, Shape>
}

function shapesOf({ flags, laterFlags = {} }: CommandShape): Shapes {
  const longs = new Map<string, Shape>([['version', VERSION]])
  const shorts = new Map<string, Shape>([['v', VERSION]])
  const add = (shape: Shape, names: readonly string[], short: string | undefined) => {
    for (const name of names) longs.set(name, shape)
    if (short !== undefined) shorts.set(short, shape)
  }
  for (const flag of flags) add(shapeOf(flag), [flag.name, ...(flag.aliases ?? [])], flag.short)
  for (const [name, flag] of Object.entries(laterFlags))
    add({ name, isSwitch: flag.isSwitch ?? false, later: true }, [name], flag.short)
  for (const [name, short] of longs.has('resource') ? Object.entries(RESOURCE_FLAGS) : [])
    add({ name: 'resource', isSwitch: false, prefix: `${name}=` }, [name], short || undefined)
  return { longs, shorts }
}

function shapeOf(flag: Flag<unknown>): Shape {
  return { name: flag.name, isSwitch: flag.placeholder === undefined }
}

function unknownFlag(flag: string, command: string | undefined, longs: Shapes['longs']): Error {
  const name = flag.startsWith('--') ? flag.slice(2) : undefined
  const others = longs.has('build-arg') ? 'build' : command === 'image' ? command : undefined
  const instead = name !== undefined && others ? insteadOf(name, others) : undefined
  if (instead !== undefined) return usageError(`Cannot use "${flag}": it is a flag of another tool`, instead)
  const near = name !== undefined ? suggest(name, [...longs.keys()]) : undefined
  return usageError(
    `Cannot use "${flag}": unknown flag`,
    near ? `Did you mean --${near}?` : `See xbuild help ${command ?? 'build'}`,
  )
}
