import { lstat, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { forEachLimited } from '../host/pool.ts'
import { kindOf, linkOrCopy, stageFolder, stageStream, writeFailed } from '../host/staging.ts'
import { checked } from '../content/read-blob.ts'
import type { Content, ImageSet } from './image-set.ts'
import { blobPath, documentsOf, OCI_LAYOUT } from './layout-files.ts'

/** What a layout is written from. */
export interface LayoutOptions {
  readonly index: Buffer
  readonly signal: AbortSignal
}

/**
 * Writes an OCI image layout folder. A new folder shows up under its name when it is complete. In an empty folder or
 * over an older layout
 * `index.json` is replaced last and in one piece, so that readers see the old image or the new one; then the blobs
 * that only the old one
 * used are removed. Files that are no part of a layout are never touched.
 */
export async function writeOciFolder(dest: string, set: ImageSet, options: LayoutOptions): Promise<void> {
  const found = await inspectLayoutFolder(dest)
  if (found === 'absent') return stageFolder(dest, async (folder) => void (await fill(folder, set, options)))
  try {
    await fill(dest, set, options)
  } catch (error) {
    if (found === 'empty')
      await Promise.all(['blobs', 'oci-layout'].map((name) => rm(join(dest, name), { recursive: true, force: true })))
    throw writeFailed(dest, error)
  }
  if (found === 'layout')
    await prune(dest, new Set([...documentsOf(set), ...set.blobs].map((item) => blobPath(item.descriptor))))
}

/**
 * What stands where a layout is to be written; anything but a layout or an empty folder is refused. Throws
 * BAD_OPTION.
 */
export async function inspectLayoutFolder(dest: string): Promise<'absent' | 'empty' | 'layout'> {
  const refuse = (state: string) =>
    new XbuildError('BAD_OPTION', `Cannot write an OCI layout to "${dest}": ${state}`, {
      hint: 'Name a new folder, an empty one, or an OCI layout to replace',
    })
  const kind = await kindOf(dest)
  if (kind === 'absent') return 'absent'
  if (kind !== 'folder') throw refuse('it is not a folder')
  const names = await readdir(dest)
  if (names.length === 0) return 'empty'
  if (!names.includes('oci-layout')) throw refuse('it holds other files')
  const marker = join(dest, 'oci-layout')
  const { size } = await stat(marker)
  const text = size < 4096 ? await readFile(marker, 'utf8') : ''
  if (!/"imageLayoutVersion"\s*:\s*"1\./.test(text)) throw refuse('its file "oci-layout" is not one of version 1')
  return 'layout'
}

async function fill(folder: string, set: ImageSet, { index, signal }: LayoutOptions): Promise<void> {
  const created: string[] = []
  try {
    const folders = new Set(
      [...documentsOf(set), ...set.blobs].map(({ descriptor }) => join(folder, blobPath(descriptor), '..')),
    )
    for (const name of folders) await mkdir(name, { recursive: true })
    // First, so that a build which is killed leaves something that the next one knows as a layout
    await writeFileAtomic(join(folder, 'oci-layout'), OCI_LAYOUT, { fsync: false })
    await forEachLimited(set.blobs, { limit: 4, signal }, async (content, inner) => {
      const path = join(folder, blobPath(content.descriptor))
      if (await place(content, path, inner)) created.push(path)
    })
    for (const { descriptor, bytes } of documentsOf(set)) {
      const path = join(folder, blobPath(descriptor))
      if ((await kindOf(path)) === 'absent') created.push(path)
      await writeFileAtomic(path, bytes, { fsync: false })
    }
    signal.throwIfAborted()
    await writeFileAtomic(join(folder, 'index.json'), index, { fsync: false })
  } catch (error) {
    await Promise.all(created.map((path) => rm(path, { force: true })))
    throw error
  }
}

/**
 * Brings one blob to its place and says whether the name is new. Bytes out of a file are trusted, those of a stream
 * are checked.
 */
async function place({ descriptor, source }: Content, path: string, signal: AbortSignal): Promise<boolean> {
  const file = await source.path(descriptor)
  if (file !== undefined) {
    const { size } = await stat(file)
    if (size === descriptor.size) return linkOrCopy(file, path)
  }
  const fresh = (await kindOf(path)) === 'absent'
  await stageStream(path, checked(await source.read(descriptor), descriptor), { signal })
  return fresh
}

async function prune(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const algorithm of ['sha256', 'sha512']) {
    // Behind a link there may be blobs that other layouts share
    if (!(await isRealFolder(join(folder, 'blobs'))) || !(await isRealFolder(join(folder, 'blobs', algorithm))))
      continue
    const names = await readdir(join(folder, 'blobs', algorithm))
    const old = names
      .map((name) => `blobs/${algorithm}/${name}`)
      .filter((path) => /\/[0-9a-f]{64,128}$/.test(path) && !wanted.has(path))
    await Promise.all(old.map((path) => rm(join(folder, path), { force: true })))
  }
}

async function isRealFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
