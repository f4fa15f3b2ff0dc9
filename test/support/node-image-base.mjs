import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { packLayer } from '../../examples/base/layer.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { runOk } from '../../examples/setup/process.mjs'
import { writeImage, writeIndex } from './go-image-base.mjs'
import { inTurn } from './in-turn.mjs'
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
  const version = createHash('sha256')
    .update(readFileSync(new URL(import.meta.url)))
    .update(below)
    .digest('hex')
  const target = join(cache, 'toolchains', `node-image-${version.slice(0, 12)}`)
  const isMade = () => existsSync(join(target, 'index.json'))
  if (!isMade()) await inTurn('base-node-image', async () => isMade() || makeImage(below, target))
  return target
}

async function makeImage(below, target) {
  const work = await mkdtemp(join(cache, 'toolchains/.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const npm = await unpacked(`npm@${NPM}`, work)
    const manifests = []
    for (const [architecture, cpu] of Object.entries(CPUS)) {
      const base = await readImage(below, architecture)
      await copyFile(join(below, pathOf(base.layer)), join(layout, pathOf(base.layer)))
      const node = await unpacked(`node-linux-${cpu}@${NODE}`, work)
      const extra = [
        { name: 'usr/local/bin/node', type: 'file', mode: 0o755, ...contentOf(join(node, 'bin/node')) },
        ...(await filesOf(npm, 'usr/local/lib/node_modules/npm')),
        ...['npm', 'npx'].map((name) => ({
          name: `usr/local/bin/${name}`,
          type: 'symlink',
          linkname: `../lib/node_modules/npm/bin/${name}-cli.js`,
          mode: 0o777,
        })),
      ]
      const layer = await packLayer({ debs: [], extra }, { blobs })
      const first = { descriptor: base.layer, diffId: base.diffId }
      manifests.push(await writeImage(layout, { architecture, layers: [first, layer], env: ENV }))
    }
    await writeIndex(layout, manifests)
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
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

async function readImage(layout, architecture) {
  const read = async ({ digest }) => JSON.parse(await readFile(join(layout, pathOf({ digest })), 'utf8'))
  const index = await read(JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0])
  const manifest = await read(index.manifests.find(({ platform }) => platform.architecture === architecture))
  const config = await read(manifest.config)
  return { layer: manifest.layers[0], diffId: config.rootfs.diff_ids[0] }
}

const pathOf = ({ digest }) => `blobs/${digest.replace(':', '/')}`
