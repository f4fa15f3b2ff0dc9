import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './places.ts'
import { inTurn } from './turns.ts'
import { runOk } from './xbuild.ts'

/** Node 24, which runners start actions with: from the package that npm has of it, fetched once. */
export async function node24(): Promise<string> {
  const folder = join(root, 'node_modules/.cache/xbuild-tests/node24')
  const name = `node-linux-${process.arch}`
  const node = join(folder, 'node_modules', name, 'bin/node')
  await inTurn('node24', async () => {
    if (existsSync(node)) return
    mkdirSync(folder, { recursive: true })
    const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
    await runOk('npm', ['install', ...options, '--prefix', folder, `${name}@24`], { cwd: folder })
  })
  return node
}
