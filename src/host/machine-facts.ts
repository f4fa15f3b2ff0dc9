import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { currentBoot } from './boot.ts'
import { writeFileAtomic } from './files.ts'
import { isOwnFolder, makeOwnFolder, userCacheFolder } from './user-cache.ts'

/** What was found out of this machine and is true until it starts again, whichever store is used. */
export interface MachineFacts {
  /** The fact of a key, a hex digest. */
  get<T>(key: string): T | undefined
  put(key: string, value: unknown): Promise<void>
}

const WRITABLE = 0o022

/**
 * The facts that this user keeps; none where nobody knows when the machine started. They lie in the user's cache folder,
 * as compiled code does, and are read only when nobody else can have written them.
 */
export function openMachineFacts(): MachineFacts | undefined {
  const boot = currentBoot()
  const folder = userCacheFolder('machine')
  if (!boot || !/^[\w-]+$/.test(boot)) return undefined
  const path = (key: string) => join(folder, `${boot}_${key}.json`)
  return {
    get: (key) => (isOwnFolder(folder) ? readOwn(path(key)) : undefined),
    async put(key, value) {
      try {
        if (!makeOwnFolder(folder)) return
        for (const name of readdirSync(folder))
          if (name.endsWith('.json') && !name.startsWith(`${boot}_`)) rmSync(join(folder, name), { force: true })
        await writeFileAtomic(path(key), JSON.stringify(value), { fsync: false, isPrivate: true })
      } catch {
        return // full, read-only, or no folder at all: it is found out again
      }
    },
  }
}

function readOwn<T>(path: string): T | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const found = fstatSync(file)
      return found.isFile() && isOwn(found) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

function isOwn(found: { readonly uid: number; readonly mode: number }): boolean {
  return found.uid === process.geteuid?.() && (found.mode & WRITABLE) === 0
}

/** Changes with the namespaces that this process is in: a container on the same machine has facts of its own. */
export function namespacesHere(): string {
  return ['user', 'mnt', 'cgroup', 'net', 'pid'].map((name) => linkOf(`/proc/self/ns/${name}`)).join(' ')
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
