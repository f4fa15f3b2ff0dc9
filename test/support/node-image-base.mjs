import { statSync } from 'node:fs'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { runOk } from '../../examples/setup/process.mjs'
import { imageOverBase } from './image-over-base.mjs'
import { toolchainBase } from './toolchain-base.mjs'

/** There must be both packages of it. */
const NODE = '24.22.3'
const NPM = '11.6.2'
const CPUS = { arm64: 'arm64', amd64: 'x64' }
const ENV = [`NODE_VERSION=${NODE}`, 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']

/**
 * Folder of the OCI layout of an image for linux/arm64 and linux/amd64 that has Node and npm as official images do: in
 * /usr/local, in a layer of its own. Node is the build of its authors, in the packages that npm has of it.
 */
export async function nodeImageBase() {
  const below = await toolchainBase('toolchain')
  return imageOverBase('node-image', { below, maker: import.meta.url, env: ENV, contents: nodeOf })
}

async function nodeOf(architecture, work) {
  const node = await unpacked(`node-linux-${CPUS[architecture]}@${NODE}`, work)
  const npm = await unpacked(`npm@${NPM}`, work)
  const programs = ['npm', 'npx'].map((name) => ({
    name: `usr/local/bin/${name}`,
    type: 'symlink',
    linkname: `../lib/node_modules/npm/bin/${name}-cli.js`,
    mode: 0o777,
  }))
  const extra = [
    { name: 'usr/local/bin/node', type: 'file', mode: 0o755, ...contentOf(join(node, 'bin/node')) },
    ...(await filesOf(npm, 'usr/local/lib/node_modules/npm')),
    ...programs,
  ]
  return { debs: [], extra }
}

async function unpacked(name, work) {
  const folder = await mkdtemp(join(work, 'npm-'))
  const [{ filename }] = JSON.parse(await runOk('npm', ['pack', '--json', '--pack-destination', folder, name]))
  await runOk('tar', ['-xzf', join(folder, filename), '-C', folder])
  return join(folder, 'package')
}

async function filesOf(folder, to) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({
      name: join(to, relative(folder, file)),
      type: 'file',
      mode: file.startsWith(join(folder, 'bin/')) ? 0o755 : 0o644,
      ...contentOf(file),
    }))
}

function contentOf(file) {
  // Not opened before its turn: there are thousands
  return { content: Readable.from(read(file), { objectMode: false }), size: statSync(file).size }
}

async function* read(file) {
  yield await readFile(file)
}
