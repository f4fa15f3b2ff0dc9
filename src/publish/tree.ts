import { createHash, type Hash } from 'node:crypto'
import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { encodeTarHeader, paddingOf, TAR_BLOCK, type TarEntry } from '../oci/tar-format.ts'
import { createTarReader } from '../oci/tar-reader.ts'

/** The end of a tar archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * TAR_BLOCK)

/** How a file system is changed on its way out. */
export interface TreeOptions {
  /** Folder that everything is put under, like `linux_amd64`. */
  readonly prefix?: string
  /**
   * For unpacking where owners are not kept: no devices, no setuid or setgid bits (they would be for the wrong user),
   * and a folder entry before everything that lies in it, so that the unpacker never goes through a symbolic link that
   * lay there before.
   */
  readonly forDisk?: boolean
  /** Name at the top that the image must not have. */
  readonly reserved?: readonly string[]
  /** Seconds since the epoch: no entry's time is later. */
  readonly sourceDateEpoch?: number
  /** Throws for a path that must not be written. */
  readonly check?: (path: string) => void
  /** Told the path of what was left out. */
  readonly onSkip?: (path: string) => void
  /** Told every entry before it is written, by its path in the export; throws when it cannot be there. */
  readonly onEntry?: (path: string, isFolder: boolean) => void
  /** Told every file and the hex SHA-256 of its content; paths are those in the image. */
  readonly onFile?: (path: string, digest: string) => void
}

/**
 * The entries of a tar stream with safe relative names, without the end of the archive. Throws BAD_IMAGE for one that
 * leaves its root.
 */
export async function* rewriteTree(
  stream: NodeJS.ReadableStream,
  options: TreeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const placed = placer(options)
  let out: Uint8Array[] = []
  let kept: TarEntry | undefined
  const watch = options.onFile && fileWatch(options.onFile)
  const reader = createTarReader({
    entry: (entry) => {
      watch?.entry(entry)
      const entries = placed(entry)
      kept = entries.at(-1)
      out.push(...entries.map(encodeTarHeader))
    },
    data: (chunk) => {
      watch?.data(chunk)
      if (kept) out.push(chunk)
    },
    end: () => {
      watch?.end()
      if (kept) out.push(Buffer.alloc(paddingOf(kept.size)))
    },
  })
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    reader.write(chunk)
    yield* out
    out = []
  }
  reader.finish()
}

/** Hashes files on their way; a hard link has the content of the file that came before it. */
function fileWatch(onFile: NonNullable<TreeOptions['onFile']>): {
  entry(entry: TarEntry): void
  data(chunk: Uint8Array): void
  end(): void
} {
  const known = new Map<string, string>()
  let open: { readonly path: string; readonly hash: Hash } | undefined
  const tell = (path: string, digest: string) => {
    known.set(path, digest)
    onFile(path, digest)
  }
  return {
    entry({ type, path, link }) {
      open = type === 'file' ? { path: safePath(path), hash: createHash('sha256') } : undefined
      const digest = type === 'hardlink' ? known.get(safePath(link ?? '')) : undefined
      if (digest !== undefined) tell(safePath(path), digest)
    },
    data: (chunk) => void open?.hash.update(chunk),
    end() {
      if (open) tell(open.path, open.hash.digest('hex'))
      open = undefined
    },
  }
}

/** What to write for an entry: nothing, or the entry after the parents that nobody announced. */
function placer({
  prefix,
  forDisk,
  reserved = [],
  sourceDateEpoch = Infinity,
  check,
  onSkip,
  onEntry,
}: TreeOptions): (entry: TarEntry) => TarEntry[] {
  const folders = new Set<string>()
  const links = new Set<string>()
  /** What is no folder: a hard link may name it. Anything else of that name lay there before, or leads there. */
  const others = new Set<string>()
  const skipped = new Set<string>()
  /** Folders that are no links and lie below none, with all above them: a deep tree is looked at once. */
  const free = new Set<string>()
  const isBelowLink = (path: string): boolean => {
    const climbed: string[] = []
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end)
      if (free.has(parent)) break
      if (links.has(parent)) return true
      climbed.push(parent)
    }
    for (const parent of climbed) free.add(parent)
    return false
  }
  /** Those above a folder that was written are written. */
  const missingParents = (path: string): string[] => {
    const missing: string[] = []
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end)
      if (folders.has(parent)) break
      missing.push(parent)
    }
    return missing.toReversed()
  }
  const skip = (path: string) => {
    skipped.add(path)
    onSkip?.(path)
    return []
  }
  return (entry) => {
    const inside = safePath(entry.path)
    if (inside === '' && prefix === undefined) return []
    if (reserved.includes(inside)) {
      throw new XbuildError(
        'BAD_OPTION',
        `Cannot put attestations beside the files of the image: the image contains a file "${inside}"`,
        { hint: 'Use another name with --provenance=filename=NAME, or an output that is an image' },
      )
    }
    const path = [prefix, inside].filter(Boolean).join('/')
    check?.(path)
    if (entry.type === 'other' || (forDisk && (entry.type === 'char' || entry.type === 'block'))) return skip(path)
    if (forDisk && isBelowLink(path))
      throw new XbuildError('BAD_IMAGE', `Cannot export "${path.slice(0, 200)}": a symbolic link is in its path`)
    onEntry?.(path, entry.type === 'dir')
    const parents = forDisk ? missingParents(path) : []
    for (const parent of parents) folders.add(parent)
    if (entry.type === 'dir') folders.add(path)
    else if (folders.delete(path)) for (const one of folders) if (one.startsWith(`${path}/`)) folders.delete(one)
    const link = entry.type === 'hardlink' ? [prefix, safePath(entry.link ?? '')].filter(Boolean).join('/') : entry.link
    if (forDisk && entry.type === 'hardlink') {
      if (skipped.has(link!)) return skip(path)
      if (!others.has(link!) || isBelowLink(link!)) {
        const state = `it is a link to "${link!.slice(0, 200)}", which is not an earlier file of the image`
        throw new XbuildError('BAD_IMAGE', `Cannot export "${path.slice(0, 200)}": ${state}`)
      }
    }
    if (entry.type === 'symlink' || (entry.type === 'hardlink' && links.has(link!))) {
      links.add(path)
      if (free.has(path)) free.clear()
    } else links.delete(path)
    if (entry.type === 'dir') others.delete(path)
    else others.add(path)
    const mode = forDisk && entry.type !== 'dir' ? entry.mode & 0o1777 : entry.mode
    const mtime = Math.min(entry.mtime, sourceDateEpoch)
    return [...parents.map(folderEntry), { ...entry, path, mode, mtime, ...compact({ link }) }]
  }
}

function folderEntry(path: string): TarEntry {
  return { path, type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }
}

/** The folders above a path, the highest first. */
export function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) parents.push(path.slice(0, end))
  return parents
}

function safePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || path.includes('\0')) {
    throw new XbuildError('BAD_IMAGE', `Cannot export "${path.slice(0, 200)}": its path points outside of the image`)
  }
  return parts.join('/')
}
