import type { Invocation } from '../config/argv.ts'
import type { LineInput } from '../config/build-line.ts'
import type { Parsed } from './command.ts'
import { COMMANDS } from './commands.ts'
import { cutLine, readLine, type ParseOptions } from './cut-line.ts'

/** Cuts a command line into its parts. Throws BAD_OPTION. */
export function readArgv(argv: readonly string[]): Invocation {
  return cutLine(argv, COMMANDS)
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
  return readLine(invocation, COMMANDS, { ...options, env })
}
