import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { writeFileAtomic } from '../host/files.ts'
import { userConfigFolder } from '../host/user-folder.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A file of a project that the user accepted as it was. */
export interface TrustedFile {
  /** Absolute; folders resolved. */
  readonly path: string
  /** `sha256:...` of its bytes. */
  readonly digest: string
  /** What it asked for then, one line each. */
  readonly asks: readonly string[]
  /** When, RFC 3339. */
  readonly since: string
}

const MAX_BYTES = 16e6

/** Where accepted files are remembered. */
function trustedFilesPath(env: Env): string {
  return join(userConfigFolder(env), 'trusted.json')
}

/** The files that the user accepted. Throws HOST when somebody else could have written the list. */
export async function readTrustedFiles(env: Env): Promise<readonly TrustedFile[]> {
  const path = trustedFilesPath(env)
  const text = await readPrivate(path, MAX_BYTES)
  if (text === undefined) return []
  const files = listOf(text)
  if (files) return files
  throw new XbuildError('BAD_OPTION', `Cannot read "${path}": its content is not in the format of xbuild trust`, {
    hint: 'Remove the file, and accept the files again',
  })
}

/** Remembers what is accepted from now on; only the user may read it. */
export async function writeTrustedFiles(files: readonly TrustedFile[], env: Env): Promise<void> {
  const path = trustedFilesPath(env)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, files }, null, 2)}\n`, { mode: 0o600 })
}

/**
 * The text of a file that must be the user's own: owned by this user or root and writable by nobody else, as its folder
 * is. A group of the user's own, as many systems give one, is no other. Nothing when it is not there. Throws HOST.
 */
export async function readPrivate(path: string, limit: number): Promise<string | undefined> {
  const refuse = (state: string, hint: string) => new XbuildError('HOST', `Cannot use "${path}": ${state}`, { hint })
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined
    throw new XbuildError('HOST', `Cannot read "${path}": ${cause.message}`, { cause })
  })
  if (!file) return undefined
  try {
    const found = await file.stat()
    if (!found.isFile() || found.size > limit) throw refuse('it is not a regular file, or it is too large', 'Remove it')
    for (const [name, { uid, gid, mode }] of [
      [path, found],
      [dirname(path), await stat(dirname(path))],
    ] as const) {
      if (uid !== 0 && uid !== process.geteuid?.())
        throw refuse(`"${name}" belongs to another user (id ${uid})`, `Remove it, or make it yours with chown`)
      if (mode & 0o002 || (mode & 0o020 && gid !== process.getegid?.()))
        throw refuse(`other users can write to "${name}"`, `Remove their permission: chmod go-w ${name}`)
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function listOf(text: string): readonly TrustedFile[] | undefined {
  try {
    const { version, files } = JSON.parse(text) as { version: unknown; files: unknown }
    return version === 1 && Array.isArray(files) && files.every(isTrusted) ? files : undefined
  } catch {
    return undefined
  }
}

function isTrusted(value: unknown): value is TrustedFile {
  const { path, digest, asks, since } = (value ?? {}) as Partial<TrustedFile>
  return [path, digest, since].every((text) => typeof text === 'string') && Array.isArray(asks)
}
