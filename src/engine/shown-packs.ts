import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Pack } from '../emulation/packs/pack.ts'
import { once } from '../host/once.ts'
import { linkOrCopy } from '../host/staging.ts'
import type { StoreFolder } from '../store/folder.ts'
import { markedName } from '../store/leftovers.ts'

/** The packs that one step sees: those that its programs were told of, and nothing else that the store has. */
export interface ShownPacks {
  /** What the container is shown. */
  readonly folder: string
  /** Shows one more. */
  add(pack: Pick<Pack, 'digest' | 'folder' | 'manifest'>): Promise<void>
  close(): void
}

/** Makes an empty folder for them; further names of the same files cost next to nothing. */
export function showPacks({ tmp }: Pick<StoreFolder, 'tmp'>): ShownPacks {
  const outer = join(tmp, markedName('packs'))
  const folder = join(outer, 'packs')
  mkdirSync(outer, { mode: 0o700 })
  makeFolder(folder)
  const shown = new Map<string, () => Promise<void>>()

  async function link({ digest, folder: from, manifest }: Parameters<ShownPacks['add']>[0]): Promise<void> {
    const to = join(folder, digest)
    const folders = new Set([to])
    for (const { path } of manifest.files)
      for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) folders.add(join(to, parent))
    for (const path of [...folders].sort()) makeFolder(path)
    await Promise.all(manifest.files.map(({ path }) => linkOrCopy(join(from, path), join(to, path))))
  }

  return {
    folder,
    add(pack) {
      const known = shown.get(pack.digest) ?? once(() => link(pack))
      shown.set(pack.digest, known)
      return known()
    },
    close: () => rmSync(outer, { recursive: true, force: true }),
  }
}

/** Steps may run as any user, whatever the umask is. */
function makeFolder(path: string): void {
  mkdirSync(path)
  chmodSync(path, 0o755)
}
