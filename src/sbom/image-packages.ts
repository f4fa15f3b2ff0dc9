import { compact } from '../compact.ts'
import type { Found, LayerPackages, Package, Release } from './types.ts'

/** A package of an image and where it is named. */
export interface PlacedPackage extends Package {
  /** Paths of the files that name it, with a slash at their beginning, sorted. */
  readonly paths: readonly string[]
}

/** What the files of an image say that it is made of. */
export interface ImagePackages {
  /** Each once, by ecosystem, name and version. */
  readonly packages: readonly PlacedPackage[]
  readonly release?: Release
  /** Files that list packages in a form that is not read. */
  readonly unread: readonly string[]
  /** Of some layer not everything was kept. */
  readonly isCut: boolean
}

/** Puts what layers name on top of each other, bottom first (image-spec layer.md). */
export function packagesOf(layers: readonly LayerPackages[]): ImagePackages {
  const files = new Map<string, Found>()
  const removeBelow = (folders: readonly string[]) => {
    const set = new Set(folders)
    if (set.size > 0) for (const path of files.keys()) if (isBelow(path, set)) files.delete(path)
  }
  for (const { found, links, hardlinks, removed, opaque } of layers) {
    if (opaque.includes('')) files.clear()
    removeBelow([...opaque, ...removed, ...links])
    for (const path of [...removed, ...links]) files.delete(path)
    for (const one of found) files.set(one.path, one)
    for (const [path, target] of hardlinks) {
      const one = files.get(target)
      if (one) files.set(path, { ...one, path })
      else files.delete(path)
    }
  }
  const packages = new Map<string, PlacedPackage & { readonly paths: string[] }>()
  for (const { path, packages: named = [] } of files.values())
    for (const one of named) {
      const key = JSON.stringify([one.ecosystem, one.name, one.version, one.architecture])
      const known = packages.get(key)
      if (known) known.paths.push(`/${path}`)
      else packages.set(key, { ...one, paths: [`/${path}`] })
    }
  const release = files.get('etc/os-release')?.release ?? files.get('usr/lib/os-release')?.release
  return {
    packages: [...packages.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, one]) => ({ ...one, paths: one.paths.toSorted() })),
    unread: [...files.values()].filter(({ unread }) => unread).map(({ path }) => `/${path}`),
    isCut: layers.some(({ isCut }) => isCut),
    ...compact({ release }),
  }
}

function isBelow(path: string, folders: ReadonlySet<string>): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    if (folders.has(path.slice(0, at))) return true
  return false
}
