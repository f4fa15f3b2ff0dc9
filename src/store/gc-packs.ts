import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ItemType, StoreItem } from './gc-plan.ts'

/**
 * Native toolchains and what belongs to them, as things in the store: they lie in one folder, see `emulation/packs`.
 */
export function readPacks(root: string, isGone: (name: string) => boolean): (StoreItem & { readonly path: string })[] {
  const folder = join(root, 'packs')
  /** What makers of packs left that were killed. */
  const isLeft = (name: string) => /^(?:\.tmp-)?\d/.test(name) && isGone(name.replace(/^\.tmp-/, ''))
  const items = names(folder).flatMap((name) => {
    if (/^[0-9a-f]{64}$/.test(name)) return [packItem(join(folder, name), name)]
    return isLeft(name) ? [itemOf('temporary', join(folder, name), name)] : []
  })
  const qemu = names(join(folder, 'qemu')).map((name) => ({
    ...itemOf('pack', join(folder, 'qemu', name), name),
    // Its time is that of the QEMU it was made of
    used: lstatSync(join(folder, 'qemu', name)).ctimeMs,
    pinned: true,
    description: 'QEMU with the handler before it',
  }))
  const indexes = names(join(folder, 'index')).map((name) => ({
    ...itemOf('pack', join(folder, 'index', name), name),
    pinned: true,
    description: 'index of a package archive, used for a day',
  }))
  const downloads = names(join(folder, 'tmp'))
    .filter(isLeft)
    .map((name) => itemOf('temporary', join(folder, 'tmp', name), name))
  return [...items, ...qemu, ...indexes, ...downloads]
}

function packItem(path: string, name: string): StoreItem & { readonly path: string } {
  const manifest = join(path, 'manifest.json')
  const used = lstatSync(manifest, { throwIfNoEntry: false })?.mtimeMs
  // Half removed: it is used no more
  if (used === undefined) return itemOf('temporary', path, name)
  return { ...itemOf('pack', path, name), used, pinned: true, description: describe(manifest) }
}

function describe(manifest: string): string {
  try {
    const { recipe, architecture, source } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      recipe: string
      architecture: string
      source: { name: string; version: string }
    }
    return `${recipe} (${source.name} ${source.version}) for linux/${architecture}`
  } catch {
    return 'damaged'
  }
}

function itemOf(type: ItemType, path: string, name: string): StoreItem & { readonly path: string } {
  const { birthtimeMs, ctimeMs, mtimeMs } = lstatSync(path)
  return {
    id: `${type === 'pack' ? 'toolchains' : 'temporary'}/${name}`,
    type,
    size: sizeOf(path),
    created: birthtimeMs > 0 ? birthtimeMs : ctimeMs,
    used: mtimeMs,
    needs: [],
    description: '',
    path,
  }
}

/** Bytes of a file, or of all files in a folder. */
function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return stat?.size ?? 0
  return names(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
