import * as fs from 'node:fs'
import { nameOfBytes, rawName } from '../byte-name.ts'

/*
 * Calls of `node:fs` whose paths are texts of `byte-name.ts`, for trees in which names may be any bytes.
 */

export function lstatSync(path: string): fs.Stats | undefined {
  return fs.lstatSync(rawName(path), { throwIfNoEntry: false })
}

/** Names in a folder, as it has them. */
export function readdirSync(path: string): string[] {
  const names = fs.readdirSync(rawName(path))
  // Node marks what is not UTF-8, but the mark may be a part of the name
  if (!names.some((name) => name.includes('\ufffd'))) return names
  return fs.readdirSync(rawName(path), { encoding: 'buffer' }).map(nameOfBytes)
}

/** What a folder has, each with its name. */
export function direntsSync(path: string): { readonly name: string; readonly entry: fs.Dirent | fs.Dirent<Buffer> }[] {
  const entries = fs.readdirSync(rawName(path), { withFileTypes: true })
  if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries.map((entry) => ({ name: entry.name, entry }))
  const found = fs.readdirSync(rawName(path), { withFileTypes: true, encoding: 'buffer' })
  return found.map((entry) => ({ name: nameOfBytes(entry.name), entry }))
}

/** What a symbolic link says. */
export function readlinkSync(path: string): string {
  const target = fs.readlinkSync(rawName(path))
  return target.includes('\ufffd') ? nameOfBytes(fs.readlinkSync(rawName(path), { encoding: 'buffer' })) : target
}

export function openSync(path: string, flags: number | string, mode?: number): number {
  return fs.openSync(rawName(path), flags, mode)
}

export function readFileSync(path: string): Buffer {
  return fs.readFileSync(rawName(path))
}

export function writeFileSync(path: string, data: string | Buffer, options: fs.WriteFileOptions = {}): void {
  fs.writeFileSync(rawName(path), data, options)
}

export function copyFileSync(from: string, to: string, mode: number): void {
  fs.copyFileSync(rawName(from), rawName(to), mode)
}

export function copyFile(from: string, to: string, mode: number): Promise<void> {
  return fs.promises.copyFile(rawName(from), rawName(to), mode)
}

export function mkdirSync(path: string, mode?: number): void {
  fs.mkdirSync(rawName(path), mode)
}

export function symlinkSync(target: string, path: string): void {
  fs.symlinkSync(rawName(target), rawName(path))
}

export function linkSync(from: string, to: string): void {
  fs.linkSync(rawName(from), rawName(to))
}

export function renameSync(from: string, to: string): void {
  fs.renameSync(rawName(from), rawName(to))
}

export function unlinkSync(path: string): void {
  fs.unlinkSync(rawName(path))
}

export function rmdirSync(path: string): void {
  fs.rmdirSync(rawName(path))
}

export function rmSync(path: string, options: fs.RmOptions): void {
  fs.rmSync(rawName(path), options)
}

export function chmodSync(path: string, mode: number): void {
  fs.chmodSync(rawName(path), mode)
}

export function lchownSync(path: string, uid: number, gid: number): void {
  fs.lchownSync(rawName(path), uid, gid)
}

export function utimesSync(path: string, atime: fs.TimeLike, mtime: fs.TimeLike): void {
  fs.utimesSync(rawName(path), atime, mtime)
}

export function lutimesSync(path: string, atime: fs.TimeLike, mtime: fs.TimeLike): void {
  fs.lutimesSync(rawName(path), atime, mtime)
}
