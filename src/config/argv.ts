import { suggest } from '../dockerfile/suggest.ts'
import { CLI_FLAGS, FLAGS, type Flag } from './flags.ts'
import { checkLaterFlag, LATER_FLAGS } from './unsupported.ts'
import { usageError } from './values.ts'

/** The words the first argument may be. */
export const COMMANDS = ['build', 'plan', 'version', 'help'] as const
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
}

/** Cuts a command line as docker does: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-ab`, `--`. Throws BAD_OPTION. */
export function readArgv(argv: readonly string[]): Invocation {
  const command = COMMANDS.find((name) => name === argv[0])
  const queue = argv.slice(command ? 1 : 0)
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
    const shape = SHAPES.get(name)
    if (!shape) throw unknownFlag(`--${name}`)
    if (equals !== -1) give(shape, arg.slice(equals + 1))
    else give(shape, shape.isSwitch ? 'true' : nextValue(`--${name}`))
  }

  function readShort(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const shape = SHORTS.get(arg[at]!)
      if (!shape) throw unknownFlag(`-${arg[at]}`)
      const rest = arg.slice(at + 1)
      if (rest.startsWith('=')) return give(shape, rest.slice(1))
      if (!shape.isSwitch) return give(shape, rest === '' ? nextValue(`-${arg[at]}`) : rest)
      give(shape, 'true')
    }
  }

  function nextValue(flag: string): string {
    const value = queue.shift()
    if (value !== undefined) return value
    throw usageError(`Cannot use "${flag}": its value is missing`, `Write ${flag} VALUE; see xbuild help build`)
  }

  function give(shape: Shape, value: string): void {
    if (Object.hasOwn(LATER_FLAGS, shape.name)) return checkLaterFlag(shape.name, value)
    given.set(shape.name, [...(given.get(shape.name) ?? []), value])
  }
}

const OWN: readonly Flag<unknown>[] = [...Object.values(FLAGS), ...Object.values(CLI_FLAGS)]
const LATER = Object.entries(LATER_FLAGS)
const VERSION: Shape = { name: 'version', isSwitch: true }

const SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['version', VERSION],
  ...OWN.map((flag) => [flag.name, shapeOf(flag)] as const),
  ...LATER.map(([name, flag]) => [name, { name, isSwitch: flag.isSwitch ?? false }] as const),
])

const SHORTS: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['v', VERSION],
  ...OWN.flatMap((flag) => (flag.short ? [[flag.short, shapeOf(flag)] as const] : [])),
  ...LATER.flatMap(([name, flag]) => (flag.short ? [[flag.short, { name, isSwitch: flag.isSwitch ?? false }] as const] : [])),
])

function shapeOf(flag: Flag<unknown>): Shape {
  return { name: flag.name, isSwitch: flag.placeholder === undefined }
}

function unknownFlag(flag: string): Error {
  const near = flag.startsWith('--') ? suggest(flag.slice(2), [...SHAPES.keys()]) : undefined
  return usageError(`Cannot use "${flag}": unknown flag`, near ? `Did you mean --${near}?` : 'See xbuild help build')
}
