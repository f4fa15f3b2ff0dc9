import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './places.mjs'
import { run, Stop } from './process.mjs'

/** Stops unless this Node is new enough. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Stop(
    `xbuild needs Node 20.19 or newer, this is ${process.versions.node}. Install a newer one from https://nodejs.org/en/download`,
  )
}

/** Runs `npm ci` when node_modules is missing or older than the lock file. */
export async function installDependencies() {
  const installed = modified(join(root, 'node_modules/.package-lock.json'))
  if (installed >= modified(join(root, 'package-lock.json')) && installed > 0) return
  console.error('Installing npm dependencies: npm ci')
  const { code } = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=warn'], { cwd: root, show: true })
  if (code !== 0)
    throw new Stop(
      'npm ci failed. Its output above says why; a proxy or registry is set with `npm config set registry URL`',
    )
}

/**
 * Runs `npm run build` when a source file is newer than the program in dist, or when `handler` is wanted and not
 * there.
 */
export async function buildProgram({ handler = false } = {}) {
  const parts = ['xbuild.cjs', ...(handler ? [`handler-${process.arch}.bin`] : [])]
  const built = Math.min(...parts.map((name) => modified(join(root, 'dist', name))))
  const sources = [
    join(root, 'package.json'),
    join(root, 'tsconfig.json'),
    ...['src', 'qemu'].flatMap((folder) => filesUnder(join(root, folder))),
  ]
  if (built > 0 && sources.every((file) => modified(file) <= built)) return
  console.error('Building xbuild: npm run build')
  const { code } = await run('npm', ['run', '--silent', 'build'], { cwd: root, show: true })
  if (code !== 0) throw new Stop('npm run build failed. Its output above says why')
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}
