import { lstat, readFile, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { XbuildError } from '../errors.ts'
import { currentBoot } from '../host/boot.ts'
import { makeFolders } from '../host/files.ts'
import { homeFolder } from '../host/home.ts'
import { dropUnsynced } from './durable.ts'
import { removeOwnAtExit } from './own-leftovers.ts'
import type { StoreFolder } from './places.ts'
import { makePrivate } from './private.ts'

export type { StoreFolder }

const FORMAT = '1'

/** The store's folder when nobody names one: root's is the machine's, a user's is his own. */
export function defaultStoreRoot(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (env['XBUILD_HOME']) return resolve(env['XBUILD_HOME'])
  if (uid === 0) return '/var/lib/xbuild'
  // A relative one would lie in whatever is built
  const data = env['XDG_DATA_HOME'] ?? ''
  return join(isAbsolute(data) ? data : join(homeFolder(env), '.local/share'), 'xbuild')
}

/** What to say of a store that other users could enter until now. */
export function wasOpenWarning({ root }: StoreFolder): string {
  return `The store "${root}" was accessible to other users of this machine; it is private from now on. If you do not trust them, empty it: xbuild prune --all`
}

/** What to say of snapshots that may not have outlived the end of the machine. */
export function lostWarning({ lost }: StoreFolder): string {
  return `The machine stopped before ${lost} of the store's snapshots were written to disk: builds make them again when they need them`
}

/**
 * Makes the folders of a store, or checks that this version can read what is there; no other user can enter it then.
 * Throws STORE for one that is not this user's alone.
 */
export async function openStoreFolder(path: string, boot: string | undefined = currentBoot()): Promise<StoreFolder> {
  try {
    await makeFolders(dirname(resolve(path)), 0o755)
    await makeFolders(path, 0o700)
    const format = await readFormat(path)
    if (format !== '' && format !== FORMAT) {
      throw new XbuildError(
        'STORE',
        `Cannot use the store "${path}": it has format ${JSON.stringify(format)}, this xbuild reads ${FORMAT}`,
        { hint: 'Name another folder with --store or XBUILD_HOME' },
      )
    }
    const { root, opened } = makePrivate(path)
    const folder: StoreFolder = {
      root,
      blobs: join(root, 'blobs/sha256'),
      ingest: join(root, 'ingest'),
      records: join(root, 'records'),
      snapshots: join(root, 'snapshots'),
      tmp: join(root, 'tmp'),
      leases: join(root, 'leases'),
    }
    removeOwnAtExit(folder)
    if (format === FORMAT) {
      const lost = await dropUnsynced(folder, boot)
      return { ...folder, ...(opened ? { wasOpen: true } : {}), ...(lost > 0 ? { lost } : {}) }
    }
    for (const piece of [folder.blobs, folder.ingest, folder.records, folder.snapshots, folder.tmp, folder.leases])
      await makeFolders(piece, 0o700)
    await dropUnsynced(folder, boot)
    await writeFile(join(root, 'format'), `${FORMAT}\n`, { mode: 0o600 })
    return folder
  } catch (cause) {
    if (cause instanceof XbuildError) throw cause
    throw new XbuildError('STORE', `Cannot make the store "${path}": ${(cause as Error).message}`, {
      cause,
      hint: 'Name a folder that you may write to with --store or XBUILD_HOME',
    })
  }
}

/** What the folder says of its format; empty when it says nothing yet. Nobody knows yet whose folder it is. */
async function readFormat(path: string): Promise<string> {
  const file = join(path, 'format')
  const found = await lstat(file).catch(() => undefined)
  return found?.isFile() && found.size < 1024 ? (await readFile(file, 'utf8')).trim().slice(0, 20) : ''
}
