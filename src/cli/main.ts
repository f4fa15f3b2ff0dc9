#!/usr/bin/env node
// Nothing else is imported here: `xbuild --version` must start as fast as node itself
import { version } from './version.ts'

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0]!)) {
  process.stdout.on('error', () => (process.exitCode = 1)).write(`xbuild ${version()}\n`)
} else {
  const { run } = await import('./run.ts')
  process.exit(await run(argv, process))
}
