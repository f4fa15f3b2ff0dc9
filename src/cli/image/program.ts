import { loadConfig } from '../load-config.ts'
import { runLine } from '../run-line.ts'
import type { Terminal } from '../terminal.ts'
import { imageCommand } from './command.ts'
import { runImage } from './image.ts'

const COMMAND = imageCommand(runImage)

/** Runs a command line of `xbuild image` without the code of other commands: loading that takes longer than the work. */
export function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  return runLine(argv, terminal, { commands: [COMMAND], loadConfig })
}
