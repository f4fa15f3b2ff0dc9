import { delimiter, isAbsolute, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { Invocation } from '../config/argv.ts'
import { exitCodeOf, toXbuildError } from '../errors.ts'
import { currentFolder } from '../host/current-folder.ts'
import { platformOfNodeArch } from '../platform.ts'
import { formatError } from '../ui/error.ts'
import { wantsColor } from '../ui/text.ts'
import type { FileConfig } from '../config/file.ts'
import { calledOf, commandOf, cutLine, readLine } from './cut-line.ts'
import type { Command } from './command.ts'
import { readSource } from './read-source.ts'
import type { Terminal } from './terminal.ts'

/** The commands that there are, and where settings come from. */
export interface Program {
  readonly commands: readonly Command[]
  loadConfig(
    invocation: Invocation,
    where: { readonly cwd: string; readonly env: Terminal['env'] },
  ): Promise<FileConfig | undefined>
}

/** Runs one command line to its end and gives back the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runLine(
  argv: readonly string[],
  terminal: Terminal,
  { commands, loadConfig }: Program,
): Promise<number> {
  keepBrokenOutput(terminal)
  dropRelativePath(terminal.env)
  let debug = argv.includes('--debug') || argv.includes('-D')
  try {
    const invocation = cutLine(argv, commands)
    const command = commandOf(invocation, commands)
    const [env, cwd] = [terminal.env, currentFolder(terminal)]
    const file = command.withoutConfig ? undefined : await loadConfig(invocation, { cwd, env })
    const localPlatform = platformOfNodeArch(process.arch)
    const parsed = readLine(invocation, commands, { env, cwd, localPlatform, ...compact({ file }) })
    debug = parsed.debug
    return await command.run(parsed, terminal, commands, { invocation: calledOf(command, argv, terminal) })
  } catch (thrown) {
    const error = toXbuildError(thrown)
    const color = wantsColor(terminal.stderr.isTTY, terminal.env)
    terminal.stderr.write(
      formatError(error, { color, debug, readFile: (path) => readSource(resolve(terminal.cwd(), path)) }),
    )
    return exitCodeOf(error)
  }
}

// A relative folder on PATH is one of whatever is built, and git even runs there
function dropRelativePath(env: Terminal['env']): void {
  if (env['PATH'] !== undefined) env['PATH'] = env['PATH'].split(delimiter).filter(isAbsolute).join(delimiter)
}

// What a write that fails means is decided where it is awaited; without a listener node would end the program
function keepBrokenOutput({ stdout, stderr }: Terminal): void {
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
}
