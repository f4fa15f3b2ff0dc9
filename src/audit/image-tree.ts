import { cleanPath, HASH_BYTES, pathHash, type LayerFiles, type ProgramFile } from './layer-files.ts'

/** A program of an image, and the number of its layer, from 0 at the bottom. */
export interface PlacedProgram extends ProgramFile {
  readonly layer: number
}

/** The programs and links of an image as its layers together have them. */
export interface ImageTree {
  readonly programs: ReadonlyMap<string, PlacedProgram>
  /** The real path that a path leads to, through symbolic links, inside the root; nothing after too many links. */
  resolve(path: string): string | undefined
  /** The program that a path leads to. */
  find(path: string): PlacedProgram | undefined
  /** Whether anything but a folder is there. */
  has(path: string): boolean
  /** Paths of symbolic links: right below a folder, or all. */
  linksIn(folder: string): readonly string[]
  links(): readonly string[]
}

/** Links that are followed for one path, as the kernel does. */
const MAX_LINKS = 40

type Node = { readonly program: PlacedProgram } | { readonly link: string } | 'other'

/** Puts layers on top of each other, bottom first (image-spec layer.md). */
export function mergeLayers(layers: readonly LayerFiles[]): ImageTree {
  const nodes = new Map<string, Node>()
  /** Paths of other files, by their hash: layers whose folders they hide were looked at before. */
  const others = new Set<string>()
  const remove = (paths: ReadonlySet<string>, { itself }: { itself: boolean }) => {
    if (paths.size === 0) return
    for (const path of nodes.keys()) {
      if (itself && paths.has(path)) nodes.delete(path)
      else if (ancestors(path).some((folder) => paths.has(folder))) nodes.delete(path)
    }
  }
  for (const [layer, files] of layers.entries()) {
    remove(new Set(files.opaque), { itself: false })
    if (files.opaque.includes('')) nodes.clear()
    remove(new Set(files.removed), { itself: true })
    const hashes = hashesOf(files.others)
    if (layer > 0)
      for (const path of nodes.keys())
        if (hashes.has(pathHash(path)) || ancestors(path).some((folder) => hashes.has(pathHash(folder))))
          nodes.delete(path)
    for (const hash of hashes) others.add(hash)
    for (const program of files.programs) nodes.set(program.path, { program: { ...program, layer } })
    const links = new Map(files.symlinks)
    remove(new Set([...links.keys(), ...files.programs.map(({ path }) => path)]), { itself: false })
    for (const [path, link] of links) nodes.set(path, { link })
    for (const [path, target] of files.hardlinks) {
      const node = nodes.get(target)
      if (node === undefined || node === 'other') nodes.delete(path)
      else nodes.set(path, 'program' in node ? { program: { ...node.program, path, layer } } : node)
      if (node === undefined) others.add(pathHash(path))
    }
  }
  const programs = new Map<string, PlacedProgram>()
  const folders = new Map<string, string[]>()
  for (const [path, node] of nodes) {
    if (node === 'other') continue
    if ('program' in node) programs.set(path, node.program)
    else addTo(folders, parent(path), path)
  }

  function resolve(path: string): string | undefined {
    let pending = cleanPath(path).split('/').filter(Boolean)
    let done: string[] = []
    let followed = 0
    while (pending.length > 0) {
      const [part = '', ...rest] = pending
      pending = rest
      if (part === '..') {
        done.pop()
        continue
      }
      const here = [...done, part].join('/')
      const node = nodes.get(here)
      if (node === undefined || node === 'other' || 'program' in node) {
        done = [...done, part]
        continue
      }
      followed += 1
      if (followed > MAX_LINKS) return undefined
      const target = node.link.split('/').filter((one) => one !== '' && one !== '.')
      if (node.link.startsWith('/')) done = []
      pending = [...target, ...pending]
    }
    return done.join('/')
  }

  return {
    programs,
    resolve,
    find(path) {
      const real = resolve(path)
      return real === undefined ? undefined : programs.get(real)
    },
    has(path) {
      const real = resolve(path)
      return real !== undefined && (nodes.has(real) || others.has(pathHash(real)))
    },
    linksIn: (folder) => folders.get(folder) ?? [],
    links: () => [...folders.values()].flat(),
  }
}

function hashesOf(text: string): Set<string> {
  const bytes = Buffer.from(text, 'base64')
  const hashes = new Set<string>()
  for (let at = 0; at + HASH_BYTES <= bytes.length; at += HASH_BYTES)
    hashes.add(bytes.toString('hex', at, at + HASH_BYTES))
  return hashes
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function ancestors(path: string): string[] {
  const found: string[] = []
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) found.push(path.slice(0, at))
  return found
}

function addTo(map: Map<string, string[]>, key: string, value: string): void {
  const there = map.get(key)
  if (there) there.push(value)
  else map.set(key, [value])
}
