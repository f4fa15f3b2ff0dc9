import type { LayerFiles, ProgramFile } from './layer-files.ts'

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
/** Longer paths are none for the kernel. */
const MAX_PATH = 4096

type Node = { readonly program: PlacedProgram } | { readonly link: string } | 'other'

/** Puts layers on top of each other, bottom first (image-spec layer.md). */
export function mergeLayers(layers: readonly LayerFiles[]): ImageTree {
  const nodes = new Map<string, Node>()
  const others = createNames()
  const lostLinks = new Set<string>()
  /** The folders above programs and links. */
  const above = new Set<string>()
  let landings = new Map<string, string>()
  /** Where a folder of a layer is: it may lead through links of lower layers, and may have been a file there. */
  const landing = (folder: string): string => {
    for (let at = folder.indexOf('/'); ; at = folder.indexOf('/', at + 1)) {
      const upper = at < 0 ? folder : folder.slice(0, at)
      const node = nodes.get(upper)
      if (node !== undefined && node !== 'other' && 'link' in node) return resolve(folder) ?? folder
      if (node !== undefined) nodes.delete(upper)
      if (at < 0) return folder
    }
  }
  const landed = (path: string): string => {
    const folder = parent(path)
    if (folder === '') return path
    let real = landings.get(folder)
    if (real === undefined) landings.set(folder, (real = landing(folder)))
    return real === folder ? path : real === '' ? path.slice(folder.length + 1) : `${real}${path.slice(folder.length)}`
  }
  const place = (path: string, node: Node) => {
    nodes.set(path, node)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at)
      if (above.has(folder)) break
      above.add(folder)
    }
  }
  const remove = (paths: readonly string[], { itself }: { itself: boolean }) => {
    if (itself) for (const path of paths) nodes.delete(path)
    const folders = new Set(paths.filter((path) => above.has(path)))
    if (folders.size === 0) return
    for (const path of nodes.keys()) if (hasFolder(path, folders)) nodes.delete(path)
  }
  for (const [layer, files] of layers.entries()) {
    landings = new Map()
    remove(files.opaque, { itself: false })
    if (files.opaque.includes('')) nodes.clear()
    remove(files.removed.map(landed), { itself: true })
    for (const [folder, names] of files.others) others.add(folder, names)
    if (nodes.size > 0) {
      // What lies in other folders covers nothing
      const near = files.others.filter(([folder]) => folder === '' || above.has(folder))
      remove(near.flatMap(pathsIn), { itself: true })
    }
    const added = files.programs.map((program) => ({ ...program, path: landed(program.path), layer }))
    const links = new Map(files.symlinks.map(([path, link]) => [landed(path), link]))
    const hardlinks = files.hardlinks.map(([path, target]) => [landed(path), landed(target)] as const)
    for (const program of added) place(program.path, { program })
    remove([...links.keys(), ...added.map(({ path }) => path)], { itself: false })
    for (const [path, link] of links) place(path, { link })
    for (const [path, target] of hardlinks) {
      const node = nodes.get(target)
      if (node === undefined || node === 'other') nodes.delete(path)
      else place(path, 'program' in node ? { program: { ...node.program, path, layer } } : node)
      if (node === undefined) lostLinks.add(path)
    }
  }
  const programs = new Map<string, PlacedProgram>()
  const folders = new Map<string, string[]>()
  for (const [path, node] of nodes) {
    if (node === 'other') continue
    if ('program' in node) programs.set(path, node.program)
    else addTo(folders, parent(path), path)
  }

  // In strings and not in lists of parts: images have thousands of links, and each is followed
  function resolve(path: string): string | undefined {
    if (path.length > MAX_PATH) return undefined
    let done = ''
    let followed = 0
    for (let rest = path; rest !== ''; ) {
      const slash = rest.indexOf('/')
      const part = slash < 0 ? rest : rest.slice(0, slash)
      rest = slash < 0 ? '' : rest.slice(slash + 1)
      if (part === '' || part === '.') continue
      if (part === '..') {
        done = parent(done)
        continue
      }
      const at = done === '' ? part : `${done}/${part}`
      const node = nodes.get(at)
      if (node === undefined || node === 'other' || 'program' in node) {
        done = at
        continue
      }
      followed += 1
      if (followed > MAX_LINKS || node.link.length > MAX_PATH) return undefined
      if (node.link.startsWith('/')) done = ''
      rest = `${node.link}/${rest}`
    }
    return done
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
      if (real === undefined) return false
      if (nodes.has(real) || lostLinks.has(real)) return true
      return others.has(real)
    },
    linksIn: (folder) => folders.get(folder) ?? [],
    links: () => [...folders.values()].flat(),
  }
}

/** The paths of other files. Layers whose folders hide some were looked at before. */
function createNames() {
  const texts = new Map<string, string[]>()
  /** Of the folders that were asked for: an image has many more. */
  const known = new Map<string, ReadonlySet<string>>()
  return {
    add: (folder: string, names: string) => addTo(texts, folder, names),
    has(path: string): boolean {
      const folder = parent(path)
      let names = known.get(folder)
      if (!names) known.set(folder, (names = new Set(texts.get(folder)?.flatMap((text) => text.split('/')))))
      return names.has(path.slice(folder === '' ? 0 : folder.length + 1))
    },
  }
}

function pathsIn([folder, names]: readonly [folder: string, names: string]): string[] {
  return names.split('/').map((name) => (folder === '' ? name : `${folder}/${name}`))
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Whether one of the folders is above a path. */
function hasFolder(path: string, folders: ReadonlySet<string>): boolean {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1))
    if (folders.has(path.slice(0, at))) return true
  return false
}

function addTo(map: Map<string, string[]>, key: string, value: string): void {
  const there = map.get(key)
  if (there) there.push(value)
  else map.set(key, [value])
}
