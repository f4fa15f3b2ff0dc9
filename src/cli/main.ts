#!/bin/sh
// Little is imported here: `xbuild --version` must start as fast as node itself
import { version } from '../version.ts'

// The shell that started Node took it away for a moment: see bundle-start.mjs. Programs that are started get it again
const { XBUILD_EXTRA_CA_CERTS: late } = process.env
if (late) process.env['NODE_EXTRA_CA_CERTS'] ??= late

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0]!)) {
  process.stdout.on('error', () => (process.exitCode = 1)).write(`xbuild ${version()}\n`)
} else void start()

/** Everything else is in the files beside this one: `image*.cjs` for images, `cli*.cjs` for all commands. */
async function start(): Promise<void> {
  process.once('beforeExit', unfinished)
  const { loadProgram } = await import('./load-program.ts')
  // Help is about all commands; a short `h` or `v` may be meant for it
  if (argv[0] === 'image' && !argv.some((arg) => /^(-[^-]*[hv]|--(help|version))/.test(arg))) {
    const about = { version: version(), kind: 'image' }
    const { exports, keep } = loadProgram<typeof import('./image/program.ts')>(import.meta.dirname, 'image', about)
    return end(await exports.run(argv, process), keep)
  }
  // Each kind of run goes through other code; what is quick anyway has that of a build
  const kind = ['bake', 'compose', 'plan'].find((name) => name === argv[0]) ?? 'build'
  const about = { version: version(), kind }
  const { exports, keep } = loadProgram<typeof import('./run.ts')>(import.meta.dirname, 'cli', about)
  const code = await exports.run(argv, process)
  end(code, () => exports.readArgv(argv).command === kind && keep())
}

/** Nothing is left to wait for, and the work is not done: whoever looks at the exit code must not take it for done. */
function unfinished(): never {
  process.stderr.write(
    'error: xbuild came to an end before its work was done\n  hint: This is a bug in xbuild: report what you did, and with which servers\n',
  )
  process.exit(1)
}

function end(code: number, keep: () => void): never {
  if (code === 0) keep()
  process.exit(code)
}
