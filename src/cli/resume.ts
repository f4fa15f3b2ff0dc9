import { resolve } from 'node:path'
import { compact } from '../compact.ts'
import { readArgv } from '../config/argv.ts'
import type { ResumeCommand } from '../config/history-flags.ts'
import { completedCommand } from '../config/withheld.ts'
import { XbuildError } from '../errors.ts'
import { platformOfNodeArch } from '../platform.ts'
import { republish } from '../session/republish.ts'
import { withDefaultEdges } from '../session/edges.ts'
import { finishedResults } from '../session/ledger-results.ts'
import type { Allowed, BuildResult, ImageResult } from '../session/types.ts'
import { readRun } from '../store/runs/read-run.ts'
import type { Run } from '../store/runs/run-types.ts'
import type { Store } from '../store/store.ts'
import { createUi } from '../ui/ui.ts'
import type { Command } from './command.ts'
import { findRun, storeOfHistory } from './find-run.ts'
import { loadConfig } from './load-config.ts'
import { reportImages, reportOne } from './report-results.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/**
 * `xbuild resume`: publishes what is built and not published, without building; then calls the command of the run
 * again for images that are not built. Progress on stderr, digests on stdout, as the command itself.
 */
export async function runResume(
  command: ResumeCommand,
  terminal: Terminal,
  commands: readonly Command[],
): Promise<number> {
  const { stderr, env } = terminal
  const store = await storeOfHistory(command, env)
  const run = findRun(store, command.run)
  if (run.state === 'running')
    throw new XbuildError('STORE', `Cannot resume "${run.id}": process ${run.pid} works on it`, {
      hint: 'Wait until it ends, or stop it',
    })
  const finished = finishedResults(store.folder, run)
  if (run.images.length === finished.size && run.state === 'done') {
    stderr.write(`Nothing to resume: run ${run.id} is done\n`)
    return 0
  }
  const published = await publishKept(run, store, { command, terminal })
  for (const { name, result } of published) if (result) finished.set(name, result)
  const errors = published.filter(({ error }) => error !== undefined)
  const open = run.images.filter(({ image }) => !finished.has(image))
  if (open.length > errors.length)
    return again(readRun(store.folder, run.id) ?? run, finished, { command, terminal, commands })
  const images = run.images.map(({ image }): ImageResult => {
    const result = finished.get(image)
    return result ? { name: image, result } : published.find(({ name }) => name === image)!
  })
  const [only] = images
  if (only && run.images.length === 1 && only.name === '') {
    if (only.error) throw only.error
    return reportOne(only.result, command, terminal)
  }
  return reportImages(
    { images },
    { ...command, chosen: run.chosen ?? images.map(({ name }) => name), metadataFile: run.metadataFile },
    terminal,
  )
}

interface ResumeEdges {
  readonly command: ResumeCommand
  readonly terminal: Terminal
}

async function publishKept(
  run: Run,
  store: Store,
  { command, terminal }: ResumeEdges,
): Promise<readonly ImageResult[]> {
  const open = run.images.filter(({ status }) => status !== 'done')
  if (open.length > 0 && open.every(({ publication }) => publication === undefined)) return []
  const { stdout, stderr, env } = terminal
  const ui = await createUi(command.progress, { stderr, isTTY: stderr.isTTY, env })
  const work = withSignals(terminal, {
    onStop: () => ui.note('Stopping: cleaning up (once more to stop at once)'),
    work: (signal) =>
      republish(run, store, {
        ...withDefaultEdges({ emit: ui.emit, signal, env, stdout }),
        allowed: allowedOf(command),
      }),
  })
  return work.finally(() => ui.finish())
}

/** Calls the command again, in the folder and with the variables of then. Throws BAD_OPTION with what is missing. */
async function again(
  run: Run,
  finished: ReadonlyMap<string, BuildResult>,
  { command: asked, terminal, commands }: ResumeEdges & { readonly commands: readonly Command[] },
): Promise<number> {
  const { id, command, withheld = [], needs = [], cwd } = run
  if (!command)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot resume "${id}": a program called the library, and has to call it again`,
      {
        hint: 'Steps that are done are not run again then',
      },
    )
  const env = { ...terminal.env, ...run.env }
  const { argv, missing } = completedCommand({ command, withheld }, env)
  const unset = needs.filter((name) => env[name] === undefined)
  const variables = [...new Set([...missing.flatMap(({ name, isVariable }) => (isVariable ? [name] : [])), ...unset])]
  const lost = missing.filter(({ isVariable }) => !isVariable)
  if (lost.length > 0)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot resume "${id}": ${lost.map(({ name }) => `"${name}"`).join(', ')} of its command line is a secret, and is not written down`,
      { hint: 'Call the command again: steps that are done are not run again' },
    )
  if (variables.length > 0)
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot resume "${id}": values of secrets are not written down, and ${variables.join(', ')} ${variables.length === 1 ? 'is' : 'are'} not in the environment`,
      { hint: `Set ${variables.length === 1 ? 'it' : 'them'}: ${variables[0]}=... xbuild resume ${id}` },
    )
  const there: Terminal = {
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    env,
    cwd: () => resolve(cwd),
    on: terminal.on.bind(terminal),
    off: terminal.off.bind(terminal),
    exit: terminal.exit.bind(terminal),
  }
  const invocation = readArgv(asked.progress === 'auto' ? argv : withProgress(argv, asked.progress), commands)
  const found = commands.find(({ name }) => name === invocation.command)!
  const input = { env, cwd: there.cwd(), localPlatform: platformOfNodeArch(process.arch) }
  const file = found.withoutConfig ? undefined : await loadConfig(invocation, input)
  const names = commands.map(({ name }) => name)
  const parsed = found.read(invocation, { ...input, commands: names, ...compact({ file }) })
  return found.run(parsed, there, commands, {
    invocation: { argv, cwd: there.cwd(), env: run.env ?? {} },
    resume: { run, finished, allowed: allowedOf(asked) },
  })
}

function allowedOf({ force, allowPlatformDrop }: ResumeCommand): Allowed {
  return { ...(force ? { force } : {}), ...(allowPlatformDrop ? { allowPlatformDrop } : {}) }
}

function withProgress(argv: readonly string[], progress: string): string[] {
  const end = argv.indexOf('--')
  const at = end === -1 ? argv.length : end
  return [...argv.slice(0, at), `--progress=${progress}`, ...argv.slice(at)]
}
