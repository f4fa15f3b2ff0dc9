import { createHash } from 'node:crypto'
import { basename, dirname, join, relative } from 'node:path'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { chmodSync, lchownSync, utimesSync, writeFileSync } from '../../host/byte-files.ts'
import { makeFolders, resolveInRoot } from '../../content/in-root.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import type { CopyParams, CopySource } from '../protocol.ts'
import type { SelectedSource } from '../../content/select.ts'
import { unpackFile } from './apply.ts'
import { parseChmod } from './chmod.ts'
import { createFolderTimes } from './folder-times.ts'
import { isArchive } from '../../content/is-archive.ts'
import { createPlacer, readUnchanged, removeFile } from './place.ts'
import { createUnpacker } from './unpacker.ts'
import { resolveOwner } from './users.ts'

/** The place in an image that the sources of one COPY go to. */
export interface CopyTarget {
  /**
   * A function that copies what `source` gives out of the folder `root`; it gives back where that went, or nothing
   * when it was unpacked.
   */
  from(
    source: CopySource & { readonly unpack: boolean },
  ): (root: string, selected: SelectedSource) => Promise<string | undefined>
  /** Writes a file whose content is in the Dockerfile. */
  addInline(name: string, content: string): void
  /** Sets the times of folders, last of all. */
  finish(): void
  readonly warnings: readonly string[]
  /** Hex SHA-256 of copied files by their path in the image, where it is known. */
  readonly digests: ReadonlyMap<string, string>
}

/** Prepares the destination of `params` in the file system `root`: decides names, owners, modes and times. */
export function createCopyTarget(root: string, params: CopyParams, signal: AbortSignal): CopyTarget {
  const warnings: string[] = []
  const digests = new Map<string, string>()
  const times = createFolderTimes(root)
  const owner = params.chown === undefined ? undefined : resolveOwner(root, params.chown)
  if (owner?.unknown !== undefined && params.lowers.length === 0) {
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot use --chown="${params.chown}": an image from scratch has no user names`,
      {
        hint: 'Write numbers, like --chown=1000:1000',
      },
    )
  }
  if (owner?.unknown !== undefined)
    warnings.push(`--chown=${params.chown}: the image has no "${owner.unknown}", 0 is used instead`)
  const chmod = params.chmod === undefined ? undefined : parseChmod(params.chmod)
  // Octal digits count for new folders too, less what the usual umask takes and special bits; symbolic ones do not:
  // as in BuildKit
  const folderMode = chmod && /^\d+$/.test(params.chmod!) ? chmod(0, true) & 0o755 : undefined
  const asFolder = params.dest.endsWith('/')
  const newOwner = owner ?? { uid: 0, gid: 0 }
  const onDigest = (path: string, digest: string) => void digests.set(relative(root, path), digest)

  /** Makes a folder and its parents; `plain` ones do not get the mode of --chmod. */
  function folders(path: string, { plain = false } = {}): string {
    const { path: real, made, grown } = makeFolders(root, path, { owner })
    times.keep(grown?.path ?? real, grown?.mtime)
    for (const folder of made) {
      times.made(folder)
      if (folderMode !== undefined && !plain) chmodSync(folder, folderMode | (lstatIfPresent(folder)!.mode & 0o2000))
    }
    return real
  }

  /** False for what is no archive. */
  async function unpack(file: string, name: string): Promise<boolean> {
    if (!(await isArchive(file))) return false
    const into = relative(root, folders(params.dest, { plain: true }))
    const unpacker = createUnpacker(root, { into, ...compact({ owner }) })
    await unpackFile(file, unpacker, { into: root, signal, name })
    return true
  }

  function from(source: CopySource & { readonly unpack: boolean }): ReturnType<CopyTarget['from']> {
    const { place, startSource } = createPlacer({
      times,
      signal,
      onDigest,
      idsOf: (entry) => (source.kind === 'context' ? newOwner : (owner ?? entry)),
      modeOf: (entry) => (chmod ? chmod(entry.mode, entry.type === 'dir') : entry.mode),
      checked: isChecked(source),
    })
    return async (sourceRoot, selected) => {
      startSource()
      const base = join(sourceRoot, selected.path)
      const [top, ...below] = selected.entries
      if (source.unpack && top!.type === 'file') {
        const unpacked = (file: string) => unpack(file, basename(base))
        if (await (isChecked(source) ? readUnchanged(base, top!, unpacked) : unpacked(base))) return undefined
      }
      const path = selected.isDir ? folders(params.dest) : fileTarget(selected.name)
      if (!selected.isDir) await place(base, path, top!)
      else {
        for (const entry of below) await place(join(base, entry.path), join(path, entry.path), entry)
        times.made(path, top!.mtimeMs / 1000)
      }
      return path
    }
  }

  /**
   * Where a single file goes: into the destination when that is a folder, through it when it is a symlink, else under
   * its name.
   */
  function fileTarget(name: string): string {
    if (asFolder || lstatIfPresent(resolveInRoot(root, params.dest))?.isDirectory())
      return join(folders(params.dest), name)
    const path = join(folders(dirname(params.dest)), basename(params.dest))
    if (!lstatIfPresent(path)?.isSymbolicLink()) return path
    const real = resolveInRoot(root, params.dest)
    return join(folders(relative(root, dirname(real))), basename(real))
  }

  function addInline(name: string, content: string): void {
    const path = fileTarget(name)
    times.keep(dirname(path))
    removeFile(name, path)
    writeFileSync(path, content)
    onDigest(path, createHash('sha256').update(content).digest('hex'))
    lchownSync(path, newOwner.uid, newOwner.gid)
    chmodSync(path, chmod ? chmod(0o644, false) : 0o644)
    utimesSync(path, 0, 0) // the Dockerfile gives no time; any other would change the layer's digest
  }

  return { from, addInline, finish: () => times.restore(), warnings, digests }
}

/** A folder of this machine changes when others write into it, anything else is the build's own. */
function isChecked(source: CopySource): boolean {
  return source.kind === 'context' && (source.checked ?? true)
}
