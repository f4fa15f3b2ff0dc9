import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { XbuildError } from '../../errors.ts'
import { isAlive } from '../../host/alive.ts'
import { readMark, stateOf } from '../../host/process-mark.ts'
import { packDigest, type Pack, type PackManifest } from './pack.ts'

/** Everything about packs lies in one folder of the store. */
export function packsFolder(storeRoot: string): string {
  return join(storeRoot, 'packs')
}

/** All packs whose manifest is what their name says, by recipe and source; files are looked at by size only. */
export async function listPacks(folder: string): Promise<Pack[]> {
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => readPack(join(folder, name), name)),
  )
  const order = ({ manifest: { architecture, recipe, source } }: Pack) => `${architecture} ${recipe} ${source.version}`
  return found.filter((pack) => pack !== undefined).toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
}

async function readPack(folder: string, digest: string): Promise<Pack | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as PackManifest
    if (packDigest(manifest) !== digest || manifest.format !== 1) return undefined
    const sizes = await Promise.all(
      manifest.files.map(async ({ path, size }) => (await lstat(join(folder, path))).size === size),
    )
    return sizes.every(Boolean) ? { manifest, digest, folder } : undefined
  } catch {
    return undefined // half removed, or damaged: as if it were not there
  }
}

/** Compilers are large, and reading in small pieces costs more than the hash. Bytes. */
const PIECE = 1 << 20

/** What is wrong with the content of a pack, file by file; empty when every byte is as it was made. */
export async function verifyPack({ manifest, folder }: Pack): Promise<string[]> {
  const wrong: string[] = []
  for (const { path, sha256 } of manifest.files) {
    const hash = createHash('sha256')
    const read = pipeline(createReadStream(join(folder, path), { highWaterMark: PIECE }), hash).then(
      () => hash.digest('hex'),
      () => 'nothing',
    )
    const found = await read
    if (found !== sha256)
      wrong.push(found === 'nothing' ? `${path} cannot be read` : `${path} was changed after it was made`)
  }
  return wrong
}

/**
 * The pack that a text names: the beginning of its digest, or its recipe when there is one of it only. Throws
 * NOT_FOUND.
 */
export function findPack(packs: readonly Pack[], text: string): Pack {
  const found = packs.filter(
    ({ digest, manifest }) => (/^[0-9a-f]{6,}$/.test(text) && digest.startsWith(text)) || manifest.recipe === text,
  )
  if (found.length === 1) return found[0]!
  throw new XbuildError(
    'NOT_FOUND',
    `Cannot find pack "${text}": ${found.length === 0 ? 'no pack has that name' : `${found.length} packs have that name`}`,
    {
      hint: 'See xbuild pack ls, and identify the pack by the beginning of its digest',
    },
  )
}

/** Removes what makers of packs left that were killed: their names begin with their process marks. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const path of [folder, join(folder, 'tmp')]) {
    for (const name of await readdir(path).catch(() => [])) {
      if (await isLeft(join(path, name))) await rm(join(path, name), { recursive: true, force: true })
    }
  }
}

/** Of another container only the age tells. Milliseconds. */
const FOREIGN_LIFE = 24 * 3_600_000

async function isLeft(path: string): Promise<boolean> {
  const name = basename(path).replace(/^\.tmp-/, '')
  const mark = readMark(name)
  if (!mark) {
    const pid = Number(/^(\d{1,10})-/.exec(name)?.[1]) // older versions
    return pid > 0 && !isAlive(pid)
  }
  const state = stateOf(mark)
  if (state !== 'foreign') return state === 'gone'
  return Date.now() - (await lstat(path)).mtimeMs > FOREIGN_LIFE
}

/** Remembers that a pack was used now, for those who remove what was not used for long. */
export async function touchPack({ folder }: Pack): Promise<void> {
  const now = new Date()
  await utimes(join(folder, 'manifest.json'), now, now).catch(() => undefined)
}

/** Removes a pack; what runs from it goes on. */
export async function removePack({ folder }: Pack): Promise<void> {
  await rm(join(folder, 'manifest.json'), { force: true }) // without it the rest is nothing
  await rm(folder, { recursive: true, force: true })
}
