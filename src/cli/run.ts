import { delimiter, isAbsolute, resolve } from 'node:path'
import { readArgv } from '../config/argv.ts'
import { resolveInvocation, type Command } from '../config/parse.ts'
import { assertNever, exitCodeOf, toXbuildError } from '../errors.ts'
import { platformOfNodeArch } from '../platform.ts'
import { formatError } from '../ui/error.ts'
import { wantsColor } from '../ui/text.ts'
import { loadConfig } from './load-config.ts'
import { print } from './print.ts'
import { readSource } from './read-source.ts'
import { version } from '../version.ts'
import type { Terminal } from './terminal.ts'

export { readArgv }

/** Runs one command line to its end and gives back the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  keepBrokenOutput(terminal)
  dropRelativePath(terminal.env)
  let debug = argv.includes('--debug') || argv.includes('-D')
  try {
    const command = await readCommand(argv, terminal)
    if ('debug' in command) debug = command.debug
    return await runCommand(command, terminal)
  } catch (thrown) {
    const error = toXbuildError(thrown)
    const color = wantsColor(terminal.stderr.isTTY, terminal.env)
    terminal.stderr.write(
      formatError(error, { color, debug, readFile: (path) => readSource(resolve(terminal.cwd(), path)) }),
    )
    return exitCodeOf(error)
  }
}

async function readCommand(argv: readonly string[], { env, cwd }: Terminal): Promise<Command> {
  const invocation = readArgv(argv)
  const file = await loadConfig(invocation, { cwd: cwd(), env })
  return resolveInvocation(invocation, env, {
    cwd: cwd(),
    localPlatform: platformOfNodeArch(process.arch),
    ...(file ? { file } : {}),
  })
}

async function runCommand(command: Command, terminal: Terminal): Promise<number> {
  switch (command.command) {
    case 'version':
      await print(terminal.stdout, `xbuild ${version()}\n`)
      return 0
    case 'help': {
      const { formatHelp } = await import('./help.ts')
      await print(terminal.stdout, formatHelp(command.topic))
      return 0
    }
    case 'call': {
      const { runCall } = await import('./call.ts')
      return runCall(command, terminal)
    }
    case 'plan': {
      const { runPlan } = await import('./plan.ts')
      return runPlan(command, terminal)
    }
    case 'du': {
      const { runDu } = await import('./du.ts')
      return runDu(command.options, terminal)
    }
    case 'prune': {
      const { runPrune } = await import('./prune.ts')
      return runPrune(command.options, terminal)
    }
    case 'pack': {
      const { runPack } = await import('./pack.ts')
      return runPack(command.options, terminal)
    }
    case 'suggest': {
      const { runSuggest } = await import('./suggest.ts')
      return runSuggest(command.options, terminal)
    }
    case 'node': {
      const { runNode } = await import('./node.ts')
      return runNode(command.options, terminal)
    }
    case 'qemu': {
      const { runQemu } = await import('./qemu.ts')
      return runQemu(command.options, terminal)
    }
    case 'doctor': {
      const { runDoctor } = await import('./doctor.ts')
      return runDoctor(command.options, terminal)
    }
    case 'trust': {
      const { runTrust } = await import('./trust.ts')
      return runTrust(command.options, terminal)
    }
    case 'build': {
      const { runBuild } = await import('./build.ts')
      return runBuild(command.options, terminal)
    }
    default:
      return assertNever(command)
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
