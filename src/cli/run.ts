import { readArgv } from './command-line.ts'
import { COMMANDS } from './commands.ts'
import { loadConfig } from './load-config.ts'
import { runLine } from './run-line.ts'
import type { Terminal } from './terminal.ts'

export { readArgv }

/** Runs one command line with all commands that there are: see `runLine`. */
export function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  return runLine(argv, terminal, { commands: COMMANDS, loadConfig })
}
