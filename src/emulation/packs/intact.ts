import { createHash } from 'node:crypto'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { currentBoot } from '../../host/boot.ts'
import { writeFileAtomic } from '../../host/files.ts'
import type { Pack } from './pack.ts'
import { verifyPack } from './pack-folder.ts'

/**
 * The clocks of file systems go in steps of up to ten milliseconds: of what changed just now they may not tell a
 * further change. Milliseconds.
 */
const STEP = 20

/**
 * Whether every byte of a pack is as it was made. Its files are read the first time; from then on their inodes and
 * times tell, of which nobody can set the last one (ctime, inode(7)): reading those of a C compiler and its assembler
 * took a third of a second of each build. They are read again once the machine has been started anew: a power cut may
 * take bytes, and leave sizes and times.
 */
export async function isIntact(pack: Pack, boot: string | undefined = currentBoot()): Promise<boolean> {
  const began = Date.now()
  const found = await statFiles(pack, boot)
  if (!found) return false
  const proof = join(pack.folder, 'verified')
  if ((await readFile(proof, 'utf8').catch(() => undefined)) === found.text) return true
  if ((await verifyPack(pack)).length > 0) return false
  if (found.newest < began - STEP) await writeFileAtomic(proof, found.text, { fsync: false }).catch(() => undefined)
  return true
}

async function statFiles(
  { manifest, folder }: Pack,
  boot: string | undefined,
): Promise<{ readonly text: string; readonly newest: number } | undefined> {
  try {
    const facts = await Promise.all(
      manifest.files.map(async ({ path }) => {
        const { ino, mode, size, mtimeNs, ctimeNs } = await lstat(join(folder, path), { bigint: true })
        return { line: [path, ino, mode, size, mtimeNs, ctimeNs].join(' '), changed: Number(ctimeNs / 1_000_000n) }
      }),
    )
    return {
      text: createHash('sha256')
        .update([boot ?? '', ...facts.map(({ line }) => line)].join('\n'))
        .digest('hex'),
      newest: Math.max(0, ...facts.map(({ changed }) => changed)),
    }
  } catch {
    return undefined // a file is missing
  }
}
