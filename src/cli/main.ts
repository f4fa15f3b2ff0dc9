#!/usr/bin/env node
// Little is imported here: `xbuild --version` must start as fast as node itself
import { join } from 'node:path'
import { version } from '../version.ts'

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0]!)) {
  process.stdout.on('error', () => (process.exitCode = 1)).write(`xbuild ${version()}\n`)
} else void start()

/** Everything else is in `cli.cjs`, beside this file. */
async function start(): Promise<void> {
  const { loadCached } = await import('./code-cache.ts')
  // Each kind of run goes through other code; what is quick anyway has that of a build
  const kind = ['bake', 'compose', 'image', 'plan'].find((name) => name === argv[0]) ?? 'build'
  const file = join(import.meta.dirname, 'cli.cjs')
  const { exports, keep } = loadCached<typeof import('./run.ts')>(file, version(), kind)
  const code = await exports.run(argv, process)
  if (code === 0 && exports.readArgv(argv).command === kind) keep()
  process.exit(code)
}
