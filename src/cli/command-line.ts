import { readArgv as cut, type Invocation } from '../config/argv.ts'
import type { LineInput } from '../config/build-line.ts'
import type { Invocation as Called } from '../session/types.ts'
import type { Command, Parsed } from './command.ts'
import { COMMANDS } from './commands.ts'
import { checkReserved } from './reserved.ts'
import type { Terminal } from './terminal.ts'

/** What a command line is read against. */
export type ParseOptions = Pick<LineInput, 'cwd' | 'localPlatform' | 'file'>

/** Cuts a command line into its parts. Throws BAD_OPTION. */
export function readArgv(argv: readonly string[]): Invocation {
  if (!COMMANDS.some(({ name }) => name === argv[0])) checkReserved(argv[0])
  return cut(argv, COMMANDS)
}

/** The command that a command line means. */
export function commandOf({ command }: Invocation): Command {
  return COMMANDS.find(({ name }) => name === command)!
}

/**
 * Reads a whole command line; argv wins over the environment, the environment over files. Throws BAD_OPTION or
 * BAD_PLATFORM.
 */
export function parseArgv(argv: readonly string[], env: LineInput['env'], options: ParseOptions): Parsed {
  return parseInvocation(readArgv(argv), env, options)
}

/** The second half of `parseArgv`: text becomes values, and values are checked against each other. */
export function parseInvocation(invocation: Invocation, env: LineInput['env'], options: ParseOptions): Parsed {
  const commands = COMMANDS.map(({ name }) => name)
  return commandOf(invocation).read(invocation, { ...options, env, commands })
}

/** The call of a command as the history tells it: with the variables that stand in for its flags. */
export function calledOf(
  { flags }: Command,
  argv: readonly string[],
  { env, cwd }: Pick<Terminal, 'env' | 'cwd'>,
): Called {
  const given = flags.flatMap(({ env: name }): [string, string][] => {
    const value = name === undefined ? undefined : env[name]
    return name !== undefined && value ? [[name, value]] : []
  })
  return { argv, cwd: cwd(), env: Object.fromEntries(given) }
}
