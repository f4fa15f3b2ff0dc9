import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { compact } from '../compact.ts'
import { isOwnFolder, makeOwnFolder, userCacheFolder } from '../host/user-cache.ts'

/** A CommonJS file that was loaded. */
export interface Loaded<Exports> {
  readonly exports: Exports
  /** Keeps the compiled code for the next run; does nothing when it came from an earlier one. */
  keep(): void
}

/** Bytes of the digest that a kept file starts with: V8 itself trusts what it is given. */
const DIGEST = 32

/**
 * Loads the CommonJS `file`, which has no `import()`, with the code that V8 compiled in an earlier run, if there is
 * any: compiling it costs more than a build with nothing to do. `version` is the program's: a package manager gives all
 * its files one time. Each `kind` of run has code of its own: V8 keeps the functions that were called.
 */
export function loadCached<Exports>(file: string, version: string, kind: string): Loaded<Exports> {
  const source = readFileSync(file, 'latin1') // the build writes ASCII; this is the fastest way to read it
  const { size, mtimeMs } = statSync(file)
  const folder = userCacheFolder('code')
  const own = `${version}_${basename(file)}_`
  const program = `${own}${[size, Math.round(mtimeMs), process.version, process.arch].join('_')}_`
  const kept = join(folder, `${program}${kind}.bin`)
  // Other files of this version keep theirs
  const isOld = (name: string) => !name.startsWith(program) && (!name.startsWith(`${version}_`) || name.startsWith(own))
  const cachedData = isOwnFolder(folder) ? readKept(kept) : undefined
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    ...compact({ cachedData }),
  })
  const module = { exports: {} as Exports }
  const wrapper = script.runInThisContext() as (...scope: unknown[]) => void
  wrapper(module.exports, createRequire(file), module, file, dirname(file))
  const isKept = cachedData !== undefined && script.cachedDataRejected !== true
  return {
    exports: module.exports,
    keep: () => void (isKept || write(kept, { isOld, data: script.createCachedData() })),
  }
}

/** What was kept, when nobody but this user can have written it and it is whole. */
function readKept(path: string): Buffer | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { uid, mode } = fstatSync(fd)
      if (uid !== process.geteuid?.() || (mode & 0o022) !== 0) return undefined
      const bytes = readFileSync(fd)
      const data = bytes.subarray(DIGEST)
      return createHash('sha256').update(data).digest().equals(bytes.subarray(0, DIGEST)) ? data : undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined // not there, or not to be read: it is compiled again
  }
}

/**
 * Replaces what other versions left. A folder that cannot be written, or is not this user's alone, costs time, nothing
 * else.
 */
function write(
  path: string,
  { isOld, data }: { readonly isOld: (name: string) => boolean; readonly data: Buffer },
): void {
  const folder = dirname(path)
  const temp = `${path}.${process.pid}`
  try {
    if (!makeOwnFolder(folder)) return // in one that others exchange it would remove files elsewhere
    try {
      writeFileSync(temp, Buffer.concat([createHash('sha256').update(data).digest(), data]), {
        mode: 0o600,
        flag: 'wx',
      })
      for (const name of readdirSync(folder))
        if (name.endsWith('.bin') && isOld(name)) rmSync(join(folder, name), { force: true })
      renameSync(temp, path)
    } finally {
      rmSync(temp, { force: true })
    }
  } catch {
    return // full, read-only, or no folder at all
  }
}
