import { readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { XbuildError } from '../errors.ts'
import { checkParents, privateFolder, type Owner } from './private.ts'

/** Where everything lies in the store's folder. */
export interface StoreFolder {
  readonly root: string
  /** Content by digest: `blobs/sha256/<hex>`. */
  readonly blobs: string
  /** Downloads that may be resumed. */
  readonly ingest: string
  /** Small JSON files: what was found out or done before. */
  readonly records: string
  /** Overlay folders by snapshot id. */
  readonly snapshots: string
  /** One folder per running operation, named by process id; what a dead process left is removed by the next one. */
  readonly tmp: string
  /** Who uses the store now: see `lease.ts`. */
  readonly leases: string
}

const FORMAT = '1'

/** The store's folder when nobody names one: root's is the machine's, a user's is his own. */
export function defaultStoreRoot(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (env['XBUILD_HOME']) return resolve(env['XBUILD_HOME'])
  if (uid === 0) return '/var/lib/xbuild'
  return join(env['XDG_DATA_HOME'] || join(env['HOME'] || homedir(), '.local/share'), 'xbuild')
}

/**
 * Makes the folders of a store, or checks that this version can read what is there. Whoever opens a store first makes it
 * private: an older version left some of it open. Throws STORE when another user owns it or could have changed it.
 */
export async function openStoreFolder(root: string, owner: Owner = currentUser()): Promise<StoreFolder> {
  const folder: StoreFolder = {
    root,
    blobs: join(root, 'blobs/sha256'),
    ingest: join(root, 'ingest'),
    records: join(root, 'records'),
    snapshots: join(root, 'snapshots'),
    tmp: join(root, 'tmp'),
    leases: join(root, 'leases'),
  }
  try {
    await privateFolder(root, owner)
    await checkParents(root, owner)
    const format = await readFile(join(root, 'format'), 'utf8').catch(() => undefined)
    if (format !== undefined && format.trim() !== '' && format.trim() !== FORMAT) {
      throw new XbuildError(
        'STORE',
        `Cannot use the store "${root}": it has format ${JSON.stringify(format.trim().slice(0, 20))}, this xbuild reads ${FORMAT}`,
        {
          hint: 'Name another folder with --store or XBUILD_HOME',
        },
      )
    }
    const { blobs, ingest, records, snapshots, tmp, leases } = folder
    for (const path of [dirname(blobs), blobs, ingest, records, snapshots, tmp, leases, join(root, 'packs')])
      await privateFolder(path, owner)
    if (format?.trim() === FORMAT) return folder
    await writeFile(join(root, 'format'), `${FORMAT}\n`, { mode: 0o600 })
    return folder
  } catch (cause) {
    if (cause instanceof XbuildError) throw cause
    throw new XbuildError('STORE', `Cannot make the store "${root}": ${(cause as Error).message}`, {
      cause,
      hint: 'Name a folder that you may write to with --store or XBUILD_HOME',
    })
  }
}

function currentUser(): Owner {
  const uid = process.geteuid?.() ?? 0
  const sudo = uid === 0 ? Number(process.env['SUDO_UID'] ?? 'none') : Number.NaN
  return { uid, gid: process.getegid?.() ?? 0, ...(Number.isInteger(sudo) ? { sudoUid: sudo } : {}) }
}
