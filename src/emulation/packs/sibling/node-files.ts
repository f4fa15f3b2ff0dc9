import { lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readElf } from '../elf.ts'
import { noSibling } from './no-sibling.ts'
import { isRealFolder, readPlain } from './read-inside.ts'
import type { SiblingImages } from './step-sibling.ts'

/** What is looked for: the triples of both CPUs. */
export interface Triples {
  readonly target: string
  readonly host: string
}

/** A program of both images, and what the sibling's is started with. */
export interface SiblingProgram {
  /** Absolute. */
  readonly path: string
  readonly id: string
  readonly bytes: Buffer
  readonly loader: Buffer
  readonly libraries: ReadonlyMap<string, Buffer>
  /** Digest of the layer that has the program. */
  readonly layer: string
  /** Numbers of the sibling's layers that this is from. */
  readonly layers: readonly number[]
}

/** No program or library is larger. Bytes. */
const MAX_FILE = 300_000_000
const MAX_LIBRARIES = 64

/** The loader of the GNU C library is named after the CPU: the same place in both. */
const LOADERS: Readonly<Record<string, string>> = {
  'x86_64-linux-gnu': 'ld-linux-x86-64.so.2',
  'aarch64-linux-gnu': 'ld-linux-aarch64.so.1',
}
/** What older C libraries load by themselves to find users and hosts. */
const BY_ITSELF = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']

/**
 * Finds the first of some programs in the image, and in its sibling the program in the same layer, with its loader and
 * libraries, each out of the layer where the image has its own. No link is followed but from a library's name to its
 * file in the same folder. Throws NOT_FOUND.
 */
export async function readProgram(
  images: SiblingImages,
  {
    paths,
    triples,
    signal,
  }: { readonly paths: readonly string[]; readonly triples: Triples; readonly signal: AbortSignal },
): Promise<SiblingProgram> {
  const refuse = (state: string) => noSibling('Node', state)
  const path = paths.find((one) => images.layerWith(one) !== undefined)
  if (path === undefined) throw refuse('the image has none')
  const at = images.layerWith(path)!
  const { target, sibling, layer } = await images.layer(at, signal)
  const [own, bytes] = [readPlain(target, path, MAX_FILE), readPlain(sibling, path, MAX_FILE)]
  const id = own && readElf(own)?.id
  const elf = bytes && readElf(bytes)
  if (id === undefined || !bytes || !elf) throw refuse(`"/${path}" is not a program with a build-id in both images`)
  const ownLoader = LOADERS[triples.target]
  const loader = LOADERS[triples.host]
  if (!ownLoader || !loader || !elf.interpreter?.endsWith(`/${loader}`))
    throw refuse('it is not linked with the GNU C library')

  const layers = new Set([at])
  const libraries = new Map<string, Buffer>()
  const find = async (name: string): Promise<Buffer | undefined> => {
    for (const folder of ['usr/lib', 'lib']) {
      const number = images.layerWith(`${folder}/${triples.target}/${name === loader ? ownLoader : name}`)
      if (number === undefined) continue
      const both = await images.layer(number, signal)
      const found = readLinked(both.sibling, `${folder}/${triples.host}`, name)
      if (found) layers.add(number)
      return found
    }
    return undefined
  }
  const add = async (name: string, needed: boolean): Promise<void> => {
    if (libraries.has(name) || name === loader) return
    if (name.includes('/') || libraries.size >= MAX_LIBRARIES) throw refuse(`it needs the library ${name}`)
    const found = await find(name)
    if (!found && needed) throw refuse(`the library ${name} is not where the image has it`)
    if (!found) return
    libraries.set(name, found)
    for (const more of readElf(found)?.needed ?? []) await add(more, true)
  }
  for (const name of elf.needed) await add(name, true)
  for (const name of BY_ITSELF) await add(name, false)
  const found = await find(loader)
  if (!found) throw refuse('its loader is not where the image has it')
  const numbers = [...layers].sort((a, b) => a - b)
  return { path: `/${path}`, id, bytes, loader: found, libraries, layer, layers: numbers }
}

/** A file of a layer, or the one in the same folder that a link of its name names. */
function readLinked(root: string, folder: string, name: string): Buffer | undefined {
  if (!isRealFolder(root, folder)) return undefined
  const path = join(root, folder, name)
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found?.isSymbolicLink()) return readPlain(root, `${folder}/${name}`, MAX_FILE)
  const to = readlinkSync(path)
  return /^[\w.+-]+$/.test(to) ? readPlain(root, `${folder}/${to}`, MAX_FILE) : undefined
}
