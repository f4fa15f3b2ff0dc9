import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { filterFor } from '../../content/filter.ts'
import type { Changed, CopyParams } from '../protocol.ts'
import { selectSources, type SelectedSource } from '../../content/select.ts'
import { layerItems, type LayerItem } from './changes.ts'
import { createCopyTarget, type CopyTarget } from './copy-target.ts'
import { isEmpty, makeSnapshot, withTree, type WorkerFolders } from './overlay.ts'
import { readXattrs, writeXattrs } from './xattrs.ts'

/** COPY and ADD, over `lowers`, as snapshot `id`. */
export async function copy(folders: WorkerFolders, params: CopyParams, signal: AbortSignal): Promise<Changed> {
  const sources = [{ ...params.source, unpack: params.unpack }, ...(params.more ?? [])]
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const target = createCopyTarget(merged, params, signal)
    for (const source of sources) {
      const add = target.from(source)
      if (source.kind === 'context') for (const selected of source.selected) await add(source.root, selected)
      else {
        await withTree(folders, source.lowers, async (root) => {
          for (const selected of selectSources(root, source.sources, filterFor([], source.excludes)))
            await copyWithXattrs(root, selected, add)
        })
      }
    }
    for (const file of params.inline) target.addInline(file.name, file.content)
    target.finish()
    const lowers = params.lowers.map((lower) => join(folders.snapshots, lower))
    const contentKey = sources.every(({ kind }) => kind === 'context')
      ? contentKeyOf(layerItems(upper, { lowers, xattrs: new Map() }), target.digests)
      : undefined
    return { empty: isEmpty(upper), warnings: target.warnings, ...(contentKey ? { contentKey } : {}) }
  })
}

/** File capabilities go with the files of a stage or an image. */
async function copyWithXattrs(
  root: string,
  selected: SelectedSource,
  add: ReturnType<CopyTarget['from']>,
): Promise<void> {
  const at = await add(root, selected)
  if (at === undefined) return
  const base = join(root, selected.path)
  const found = selected.isDir
    ? await readXattrs(base, CAPABILITY)
    : await readXattrs(dirname(base), CAPABILITY, basename(base))
  if (!selected.isDir)
    return writeXattrs(dirname(at), new Map([...found.values()].map((attributes) => [basename(at), attributes])))
  const taken = new Set(selected.entries.map(({ path }) => path))
  return writeXattrs(at, new Map([...found].filter(([path]) => taken.has(path))))
}

const CAPABILITY = '^security\\.capability$'

/** One text for equal layers, from digests known already; nothing when a file's digest is not known. */
function contentKeyOf(items: Iterable<LayerItem>, digests: ReadonlyMap<string, string>): string | undefined {
  const hash = createHash('sha256')
  for (const { entry, file } of items) {
    const digest = file === undefined ? '' : digests.get(entry.path)
    if (digest === undefined) return undefined
    hash.update(
      JSON.stringify([
        entry.path,
        entry.type,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.size,
        entry.mtime,
        entry.link ?? '',
        digest,
      ]),
    )
  }
  return hash.digest('hex')
}
