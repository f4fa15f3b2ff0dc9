import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './alive.ts'
import type { ItemType, StoreItem } from './gc-plan.ts'

/**
 * Native toolchains and what belongs to them, as things in the store: they lie in one folder, see `emulation/packs`.
 */
export function readPacks(root: string): (StoreItem & { readonly path: string })[] {
  const folder = join(root, 'packs')
  const items = names(folder).flatMap((name) => {
    if (/^[0-9a-f]{64}$/.test(name)) return [packItem(join(folder, name), name)]
    return isLeft(name) ? [itemOf('temporary', join(folder, name), name)] : []
  })
  const qemu = names(join(folder, 'qemu')).map((name) => ({
    ...itemOf('pack', join(folder, 'qemu', name), name),
    pinned: true,
    description: 'QEMU with the handler before it',
  }))
  const downloads = names(join(folder, 'tmp'))
    .filter(isLeft)
    .map((name) => itemOf('temporary', join(folder, 'tmp', name), name))
  return [...items, ...qemu, ...downloads]
}

function packItem(path: string, name: string): StoreItem & { readonly path: string } {
  const manifest = join(path, 'manifest.json')
  const used = lstatSync(manifest, { throwIfNoEntry: false })?.mtimeMs
  // Half removed: it is used no more
  if (used === undefined) return itemOf('temporary', path, name)
  return { ...itemOf('pack', path, name), used, pinned: true, description: describe(manifest) }
}

/** What makers of packs left that were killed: their names hold their process ids. */
function isLeft(name: string): boolean {
  const pid = Number(/^(?:\.tmp-)?(\d{1,10})-/.exec(name)?.[1])
  return pid > 0 && !isAlive(pid)
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
