import {
  chmodSync, closeSync, constants, createReadStream, fchmodSync, fchownSync, futimesSync, lchownSync, linkSync, lstatSync, lutimesSync,
  mkdirSync, openSync, readdirSync, rmSync, symlinkSync, utimesSync, writeSync,
} from 'node:fs'
import { createHash } from 'node:crypto'
import { spawn } from 'node:child_process'
import { basename, dirname, join, relative } from 'node:path'
import { createGunzip } from 'node:zlib'
import { XbuildError } from '../../../errors.ts'
import { runProgram } from '../../../host/spawn.ts'
import type { TarEntry } from '../../../oci/tar-format.ts'
import { createTarReader, type TarSink } from '../../../oci/tar-reader.ts'
import { makeFolders, resolveInRoot } from '../in-root.ts'
import type { ApplyParams } from '../protocol.ts'
import { makeSnapshot, type WorkerFolders } from './overlay.ts'
import { writeXattrs } from './xattrs.ts'

/** Unpacks a layer blob over `lowers` as snapshot `id` (image-spec layer.md, "Applying Changesets"); checks its diff id on the way. */
export async function applyLayer(folders: WorkerFolders, params: ApplyParams, signal: AbortSignal): Promise<Record<string, never>> {
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const unpacker = createUnpacker(merged, { upper: merged === upper ? undefined : upper, keepOwners: true })
    const hash = createHash('sha256')
    const reader = createTarReader(unpacker.sink)
    for await (const chunk of decompress(params.blob, params.mediaType)) {
      signal.throwIfAborted()
      hash.update(chunk)
      reader.write(chunk)
    }
    reader.finish()
    const diffId = `sha256:${hash.digest('hex')}`
    if (diffId !== params.diffId) {
      throw new XbuildError('DIGEST_MISMATCH', `Cannot unpack the layer "${basename(params.blob).slice(0, 12)}": its content is ${diffId}, the image says ${params.diffId}`, {
        hint: 'The image is damaged: use another one, or tell whoever made it',
      })
    }
    await unpacker.finish()
    return {}
  })
}

/** The plain bytes of a file that may be gzip or zstd, told by its first bytes. */
export async function* decompress(file: string, mediaType = ''): AsyncGenerator<Buffer> {
  const input = createReadStream(file, { highWaterMark: 1 << 20 })
  const first = await new Promise<Buffer>((resolve, reject) => {
    createReadStream(file, { end: 3 }).once('data', (chunk) => resolve(chunk as Buffer)).once('end', () => resolve(Buffer.alloc(0))).once('error', reject)
  })
  if (first[0] === 0x1f && first[1] === 0x8b) {
    const gunzip = createGunzip({ chunkSize: 1 << 18 })
    input.once('error', (error) => gunzip.destroy(error))
    yield* input.pipe(gunzip)
  } else if (first.length === 4 && first.readUInt32LE() === 0xfd2fb528) {
    yield* viaProgram('zstd', ['--decompress', '--stdout', file], mediaType)
  } else yield* input
}

async function* viaProgram(file: string, args: readonly string[], mediaType: string): AsyncGenerator<Buffer> {
  const child = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise<number | Error>((resolve) => child.once('error', resolve).once('close', (code) => resolve(code ?? 1)))
  yield* child.stdout
  const status = await ended
  if (status !== 0) {
    throw new XbuildError('HOST', `Cannot unpack a layer of type "${mediaType}": the program "${file}" ${status instanceof Error ? 'is not installed' : `ended with status ${status}`}`, {
      hint: `Install ${file} (Debian, Ubuntu: apt-get install ${file})`,
    })
  }
}

/** Turns tar entries into files below `root`. */
export interface Unpacker {
  readonly sink: TarSink
  /** Carries out what must come last: whiteouts, devices, attributes, times of folders. */
  finish(): Promise<void>
}

/** `upper` names the folder that shows what this layer brought itself; without it there is nothing below to hide. */
export function createUnpacker(root: string, { upper, keepOwners, owner = { uid: 0, gid: 0 } }: { upper: string | undefined; keepOwners: boolean; owner?: { uid: number; gid: number } }): Unpacker {
  const folders = new Map<string, string>()
  const folderTimes = new Map<string, number>()
  const whiteouts: { folder: string; name: string | undefined }[] = []
  const nodes: { path: string; entry: TarEntry }[] = []
  const xattrs = new Map<string, ReadonlyMap<string, Buffer>>()
  let fd: number | undefined
  let current: TarEntry | undefined

  function folderFor(path: string): string {
    let real = folders.get(path)
    if (real === undefined) {
      real = makeFolders(root, path, owner).path
      folders.set(path, real)
    }
    return real
  }

  function entry(tar: TarEntry): void {
    const path = cleanPath(tar.path)
    current = tar
    if (path === '') {
      if (tar.type === 'dir') setFolder(root, tar)
      return
    }
    const folder = folderFor(dirname(path) === '.' ? '' : dirname(path))
    const name = basename(path)
    if (name.startsWith('.wh.')) {
      if (name === '.wh..wh..opq') whiteouts.push({ folder, name: undefined })
      else if (!name.startsWith('.wh..wh.')) whiteouts.push({ folder, name: name.slice(4) })
      return
    }
    const target = join(folder, name)
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there && !(there.isDirectory() && tar.type === 'dir')) {
      // Folders seen so far may lie below, or lead through, what goes away now.
      if (there.isDirectory() || there.isSymbolicLink()) folders.clear()
      rmSync(target, { recursive: true, force: true })
    }
    make(target, tar, there?.isDirectory() === true)
  }

  function make(target: string, tar: TarEntry, isThere: boolean): void {
    const uid = keepOwners ? tar.uid : owner.uid
    const gid = keepOwners ? tar.gid : owner.gid
    switch (tar.type) {
      case 'dir':
        if (!isThere) mkdirSync(target)
        setFolder(target, tar)
        break
      case 'file':
        fd = openSync(target, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)
        break
      case 'symlink':
        symlinkSync(tar.link ?? '', target)
        lchownSync(target, uid, gid)
        lutimesSync(target, tar.mtime, tar.mtime)
        break
      case 'hardlink': {
        const link = cleanPath(tar.link ?? '')
        const source = join(resolveInRoot(root, dirname(link)), basename(link))
        if (!lstatSync(source, { throwIfNoEntry: false })) throw new XbuildError('BAD_IMAGE', `Cannot unpack "${tar.path}": it links to "${tar.link}", which is not there`)
        linkSync(source, target)
        break
      }
      case 'char':
      case 'block':
      case 'fifo':
        nodes.push({ path: target, entry: tar })
        break
      case 'other':
        throw new XbuildError('UNSUPPORTED', `Cannot unpack "${tar.path}": an entry type that layers do not have`)
    }
    if (tar.xattrs && tar.type !== 'hardlink') {
      const kept = new Map([...tar.xattrs].filter(([name]) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'))))
      if (kept.size > 0) xattrs.set(relative(root, target), kept)
    }
  }

  function setFolder(target: string, tar: TarEntry): void {
    if (keepOwners) lchownSync(target, tar.uid, tar.gid)
    else lchownSync(target, owner.uid, owner.gid)
    chmodSync(target, tar.mode)
    folderTimes.set(target, tar.mtime)
  }

  function data(chunk: Buffer): void {
    if (fd === undefined) return
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
  }

  function end(): void {
    if (fd === undefined || !current) return
    fchownSync(fd, keepOwners ? current.uid : owner.uid, keepOwners ? current.gid : owner.gid)
    fchmodSync(fd, current.mode) // after the owner: changing that clears setuid
    futimesSync(fd, current.mtime, current.mtime)
    closeSync(fd)
    fd = undefined
  }

  async function finish(): Promise<void> {
    if (upper !== undefined) {
      for (const { folder, name } of whiteouts) {
        if (name === undefined) hideChildren(root, upper, folder)
        else hide(root, upper, join(folder, name))
      }
    }
    for (const { path, entry: node } of nodes) await makeNode(path, node)
    await writeXattrs(root, xattrs)
    for (const [path, mtime] of [...folderTimes].reverse()) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) utimesSync(path, mtime, mtime)
    }
  }

  return { sink: { entry, data, end }, finish }
}

/** A tar name as a relative path; `..` is refused. */
function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || path.includes('\0')) {
    throw new XbuildError('OUTSIDE_CONTEXT', `Cannot unpack "${path}": the name leads out of its folder`, { hint: 'The archive is damaged or hostile' })
  }
  return parts.join('/')
}

/** Removes what lies below at a path and keeps what this layer put there. */
function hide(root: string, upper: string, path: string): void {
  const own = lstatSync(join(upper, relative(root, path)), { throwIfNoEntry: false })
  if (!own || (own.isCharacterDevice() && own.rdev === 0)) rmSync(path, { recursive: true, force: true })
  else if (own.isDirectory()) hideChildren(root, upper, path)
}

function hideChildren(root: string, upper: string, folder: string): void {
  for (const name of readdirSync(folder)) hide(root, upper, join(folder, name))
}

async function makeNode(path: string, entry: TarEntry): Promise<void> {
  if (entry.type === 'char' && entry.devMajor === 0 && entry.devMinor === 0) return // would act as a whiteout
  const args = entry.type === 'fifo' ? [path, 'p'] : [path, entry.type === 'char' ? 'c' : 'b', String(entry.devMajor), String(entry.devMinor)]
  try {
    await runProgram('mknod', args)
  } catch (cause) {
    if (entry.type === 'fifo') throw cause
    return // a user namespace may not make devices; containers get theirs from the runtime
  }
  lchownSync(path, entry.uid, entry.gid)
  chmodSync(path, entry.mode)
}
