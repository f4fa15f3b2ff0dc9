import { readArgv as cut, type Invocation } from '../config/argv.ts'
import type { LineInput } from '../config/build-line.ts'
import type { Invocation as Called } from '../session/types.ts'
import type { Command, Parsed } from './command.ts'
import { checkReserved } from './reserved.ts'
import type { Terminal } from './terminal.ts'

/** What a command line is read against. */
export type ParseOptions = Pick<LineInput, 'cwd' | 'localPlatform' | 'file'>

/** Cuts a command line into its parts, by the flags of these commands. Throws BAD_OPTION. */
export function cutLine(argv: readonly string[], commands: readonly Command[]): Invocation {
  if (!commands.some(({ name }) => name === argv[0])) checkReserved(argv[0])
  return cut(argv, commands)
}

/** The command that a command line means. */
export function commandOf({ command }: Invocation, commands: readonly Command[]): Command {
  return commands.find(({ name }) => name === command)!
}

/** Makes values of the texts of a line that was cut, and checks them against each other. Throws BAD_OPTION. */
export function readLine(
  invocation: Invocation,
  commands: readonly Command[],
  input: ParseOptions & Pick<LineInput, 'env'>,
): Parsed {
  return commandOf(invocation, commands).read(invocation, { ...input, commands: commands.map(({ name }) => name) })
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
