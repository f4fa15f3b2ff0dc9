import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadPackages } from '../../examples/base/debian.mjs'
import { packLayer } from '../../examples/base/layer.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { inTurn } from './in-turn.mjs'
import { toolchainBase } from './toolchain-base.mjs'

const VERSION = '1.24'
/** Variables of official images. */
const ENV = [
  `GOLANG_VERSION=${VERSION}`,
  'GOTOOLCHAIN=local',
  'GOPATH=/go',
  'PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
]

/**
 * Folder of the OCI layout of an image for linux/arm64 and linux/amd64 that has Go as official images do: in
 * /usr/local/go, in a layer of its own. It is Debian's. What is below it has a C compiler, and is there for arm64 only.
 */
export async function goImageBase() {
  const below = await toolchainBase('golang', ['arm64'])
  const version = createHash('sha256')
    .update(readFileSync(new URL(import.meta.url)))
    .update(below)
    .digest('hex')
  const target = join(cache, 'toolchains', `go-image-${version.slice(0, 12)}`)
  const isMade = () => existsSync(join(target, 'index.json'))
  if (!isMade()) await inTurn('base-go-image', async () => isMade() || makeImage(below, target))
  return target
}

async function makeImage(below, target) {
  const work = await mkdtemp(join(cache, 'toolchains/.tmp-'))
  try {
    const layout = join(work, 'layout')
    const blobs = join(layout, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const base = await readImage(below)
    await copyFile(join(below, pathOf(base.layer)), join(layout, pathOf(base.layer)))
    const empty = await packLayer({ debs: [], extra: [{ name: 'etc', type: 'directory' }] }, { blobs })
    const manifests = []
    for (const architecture of ['arm64', 'amd64']) {
      const folder = join(work, architecture)
      const debs = await downloadPackages([`golang-${VERSION}-go`, `golang-${VERSION}-src`], { architecture, folder })
      const go = await packLayer({ debs: debs.filter((deb) => deb.includes('/golang-')), extra: [], keep }, { blobs })
      const first = architecture === 'arm64' ? { descriptor: base.layer, diffId: base.diffId } : empty
      manifests.push(await writeImage(layout, { architecture, layers: [first, go], env: ENV }))
    }
    await writeIndex(layout, manifests)
    await rename(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Where Debian has Go -> where official images have it; links between Debian's two places are left out. */
function keep(path) {
  const [, kind, rest = ''] = /^usr\/(lib|share)\/go-[\d.]+(?:\/(.*))?$/.exec(path) ?? []
  if (kind === undefined || /^test(\/|$)/.test(rest)) return undefined
  if (kind === 'lib' && /^(api|lib|misc|src|test|pkg\/include)$/.test(rest)) return undefined
  return ['usr/local/go', rest].filter(Boolean).join('/')
}

/** Writes one image of a layout; gives its entry in an index. */
export async function writeImage(layout, { architecture, layers, env }) {
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

/** Makes a layout of these images. */
export async function writeIndex(layout, manifests) {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const index = await writeJson(layout, mediaType, { schemaVersion: 2, mediaType, manifests })
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType, manifests: [index] }))
}

async function readImage(layout) {
  const read = async ({ digest }) => JSON.parse(await readFile(join(layout, pathOf({ digest })), 'utf8'))
  const outer = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'))
  const index = await read(outer.manifests[0])
  const manifest = await read(index.manifests[0])
  const config = await read(manifest.config)
  return { layer: manifest.layers[0], diffId: config.rootfs.diff_ids[0] }
}

const pathOf = ({ digest }) => `blobs/${digest.replace(':', '/')}`

async function writeJson(folder, mediaType, value) {
  const bytes = Buffer.from(JSON.stringify(value))
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  await writeFile(join(folder, pathOf({ digest })), bytes)
  return { mediaType, digest, size: bytes.length }
}
