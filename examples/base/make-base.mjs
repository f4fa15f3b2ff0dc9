#!/usr/bin/env node
// Makes a base image as an OCI layout, out of Debian packages: node examples/base/make-base.mjs [busybox|gcc|node]...
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cache } from '../setup/places.mjs'
import { main, Stop } from '../setup/process.mjs'
import { downloadPackages } from './debian.mjs'
import { packLayer } from './layer.mjs'
import { writeLayout } from './layout.mjs'
import { debianArchitecture, RECIPES } from './recipes.mjs'

const SOURCES = ['debian.mjs', 'layer.mjs', 'layout.mjs', 'make-base.mjs', 'recipes.mjs']
const NATIVE = { x64: 'amd64', arm64: 'arm64', arm: 'armhf', riscv64: 'riscv64' }[arch()]

/** Makes the base image `name` unless the cache holds it; resolves to the folder of its OCI layout. */
export async function makeBase(name) {
  const recipe = RECIPES[name]
  if (!recipe) throw new Stop(`There is no base image "${name}". There are ${Object.keys(RECIPES).join(', ')}`)
  const target = join(cache, 'base', `${name}-${version()}`)
  if (existsSync(join(target, 'index.json'))) return target
  console.error(
    `Making the base image "${name}" from Debian packages for ${recipe.platforms.map((p) => p.architecture).join(', ')}`,
  )
  await mkdir(join(cache, 'base'), { recursive: true })
  const work = await mkdtemp(join(cache, 'base', `.tmp-${name}-`))
  try {
    const layout = join(work, 'layout')
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
    await writeLayout(layout, await images(recipe, { work, blobs: join(layout, 'blobs/sha256') }))
    await removeOld(name)
    await rename(layout, target).catch((error) => {
      if (!existsSync(join(target, 'index.json'))) throw error // else another process was quicker
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return target
}

async function images(recipe, { work, blobs }) {
  const downloads = new Map(
    recipe.platforms.map((platform) => {
      const architecture = debianArchitecture(platform)
      return [architecture, downloadPackages(recipe.packages, { architecture, folder: join(work, architecture) })]
    }),
  )
  const debsOf = new Map()
  for (const [architecture, debs] of downloads) debsOf.set(architecture, packed(await debs, recipe))
  const files = await recipe.files({ work, native: debsOf.get(NATIVE)?.[0] })
  return Promise.all(
    recipe.platforms.map(async (platform) => {
      const layer = await packLayer({ debs: debsOf.get(debianArchitecture(platform)), ...files }, { blobs })
      return { platform, layer, config: recipe.config }
    }),
  )
}

function packed(debs, { only }) {
  return only ? debs.filter((path) => path.includes(`/${only}_`)) : debs
}

/** Changes when the way of making does: an image made the old way is not taken from the cache. */
function version() {
  const hash = createHash('sha256')
  for (const name of SOURCES) hash.update(readFileSync(new URL(name, import.meta.url)))
  return hash.digest('hex').slice(0, 12)
}

// Also what a killed maker left: nobody needs more than an hour
async function removeOld(name) {
  const names = (await readdir(join(cache, 'base'))).filter((entry) => {
    if (entry.startsWith(`.tmp-${name}-`)) return Date.now() - statSync(join(cache, 'base', entry)).mtimeMs > 3_600_000
    return entry.startsWith(`${name}-`) && !entry.endsWith(version())
  })
  await Promise.all(names.map((entry) => rm(join(cache, 'base', entry), { recursive: true, force: true })))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(async () => {
    const names = process.argv.slice(2)
    for (const name of names.length > 0 ? names : ['busybox']) console.log(await makeBase(name))
  })
}
