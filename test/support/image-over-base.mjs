import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packLayer } from '../../examples/base/layer.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { inTurn } from './in-turn.mjs'

/**
 * Folder of the OCI layout of an image for linux/arm64 and linux/amd64: one layer over a base image, as official images have it. Made at
 * first use and kept, under a name that changes with the files that make it.
 * - `below`: the layout of the base image; of an architecture that it lacks, an empty layer
 * - `maker`: the address of the file that calls this
 * - `env`: variables of the image
 * - `contents`: what `packLayer` takes for an architecture, given also a folder to work in
 */
export async function imageOverBase(name, { below, maker, env, contents }) {
  const version = createHash('sha256')
  for (const file of [import.meta.url, maker]) version.update(readFileSync(new URL(file)))
  const target = join(cache, 'toolchains', `${name}-${version.update(below).digest('hex').slice(0, 12)}`)
  const isMade = () => existsSync(join(target, 'index.json'))
  const make = () => makeImage({ below, env, contents }, target)
  if (!isMade()) await inTurn(`base-${name}`, async () => isMade() || make())
  return target
}

async function makeImage({ below, env, contents }, target) {
  const work = await mkdtemp(join(cache, 'toolchains/.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const manifests = []
    for (const architecture of ['arm64', 'amd64']) {
      const layers = [
        (await layerBelow(below, architecture, layout)) ??
          (await packLayer({ debs: [], extra: [{ name: 'etc', type: 'directory' }] }, { blobs })),
        await packLayer(await contents(architecture, work), { blobs }),
      ]
      manifests.push(await writeImage(layout, { architecture, layers, env }))
    }
    await writeIndex(layout, manifests)
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Copies the only layer of a base image. */
async function layerBelow(below, architecture, layout) {
  const read = async ({ digest }) => JSON.parse(await readFile(join(below, pathOf(digest)), 'utf8'))
  const index = await read(JSON.parse(await readFile(join(below, 'index.json'), 'utf8')).manifests[0])
  const found = index.manifests.find(({ platform }) => platform.architecture === architecture)
  if (!found) return undefined
  const manifest = await read(found)
  const config = await read(manifest.config)
  const [descriptor] = manifest.layers
  await copyFile(join(below, pathOf(descriptor.digest)), join(layout, pathOf(descriptor.digest)))
  return { descriptor, diffId: config.rootfs.diff_ids[0] }
}

/** Writes one image of a layout; gives its entry in an index. */
async function writeImage(layout, { architecture, layers, env }) {
  const platform = { os: 'linux', architecture }
  const config = await writeJson(layout, 'application/vnd.oci.image.config.v1+json', {
    ...platform,
    created: '1970-01-01T00:00:00Z',
    config: { Env: env, Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  })
  const manifest = await writeJson(layout, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  })
  return { ...manifest, platform }
}

async function writeIndex(layout, manifests) {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const index = await writeJson(layout, mediaType, { schemaVersion: 2, mediaType, manifests })
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType, manifests: [index] }))
}

async function writeJson(layout, mediaType, value) {
  const bytes = Buffer.from(JSON.stringify(value))
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  await writeFile(join(layout, pathOf(digest)), bytes)
  return { mediaType, digest, size: bytes.length }
}

const pathOf = (digest) => `blobs/${digest.replace(':', '/')}`
