import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { rawTar, type RawMember } from './raw-tar.ts'

/** One Dockerfile with its context, to be built by both builders. */
export interface Case {
  /** Unique among all cases. */
  readonly name: string
  readonly dockerfile: string
  /** The context, by path; folders on the way are made with mode 755. */
  readonly files?: Readonly<Record<string, FileSpec>>
  /** Flags that `docker buildx build` and xbuild share. */
  readonly args?: readonly string[]
  /** Neither builder may accept it. */
  readonly fails?: true
}

/** A file of a context: its text (mode 644), or what else it is. */
export type FileSpec =
  | string
  | { readonly text: string; readonly mode?: number; readonly capability?: true }
  | { readonly link: string }
  | { readonly hardlink: string }
  | { readonly folder: true; readonly mode?: number }
  | { readonly fifo: true }
  | { readonly rawTar: readonly RawMember[] }
  | {
      readonly tar: readonly TarMember[]
      readonly packed?: 'gzip' | 'bzip2' | 'xz'
      /** Blocks of zeros are holes, in this format of GNU tar. */
      readonly holes?: '0.0' | '0.1' | '1.0'
    }

/** A member of a tar archive in a context. */
export interface TarMember {
  readonly path: string
  readonly text?: string
  readonly link?: string
  readonly hardlink?: string
  readonly folder?: true
  readonly mode?: number
  /** Has the extended attribute that lets a program open raw sockets. */
  readonly capability?: true
  /** `uid:gid`; default 0:0. */
  readonly owner?: string
}

/**
 * Every case has a stretch of time of its own, in the past: BuildKit takes a file for unchanged when its name, size
 * and time are those of an earlier build.
 */
const STRETCH = 1000

/**
 * When the files of a case were last changed: from this second on, seconds since the epoch; each file is a second
 * younger than the one before.
 */
export function firstTime({ name }: Case): number {
  return 100_000_000 + (Number.parseInt(digestOf(name).slice(0, 8), 16) % 800_000) * STRETCH
}

/** A time as the seconds after a case's first one; nothing when it is none of its context's files. */
export function sinceFirst(time: number, first: number): number | undefined {
  return time >= first && time < first + STRETCH ? time - first : undefined
}

/** Writes the context of a case, Dockerfile included, into `folder`. */
export function writeCase(one: Case, folder: string): void {
  const { dockerfile, files = {} } = one
  const first = firstTime(one)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  const paths = Object.keys(files)
  for (const path of paths) writeSpec(files[path]!, join(folder, path), { context: folder, first })
  const folders = new Set(paths.flatMap((path) => parentsOf(path)))
  const all = [...paths, 'Dockerfile', ...[...folders].filter((path) => !paths.includes(path)), '.']
  const times = all.map((path, index) => ({ path, time: first + index }))
  // Parents after what is in them: making a file changes its folder's time
  for (const { path, time } of times.sort((a, b) => b.path.length - a.path.length)) {
    const spec = files[path]
    if (typeof spec === 'object' && 'link' in spec) lutimesSync(join(folder, path), time, time)
    else utimesSync(join(folder, path), time, time)
  }
}

function parentsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === '.' ? [] : [parent, ...parentsOf(parent)]
}

function writeSpec(spec: FileSpec, path: string, { context, first }: { context: string; first: number }): void {
  mkdirSync(dirname(path), { recursive: true })
  if (typeof spec === 'string') return writeFileSync(path, spec)
  if ('link' in spec) return symlinkSync(spec.link, path)
  if ('hardlink' in spec) return linkSync(join(context, spec.hardlink), path)
  if ('fifo' in spec) return void execFileSync('mkfifo', [path])
  if ('rawTar' in spec) return writeFileSync(path, rawTar(spec.rawTar, first + 500))
  if ('tar' in spec) return writeTar(path, spec, first)
  if ('folder' in spec) mkdirSync(path, { recursive: true })
  else writeFileSync(path, spec.text)
  chmodSync(path, spec.mode ?? ('folder' in spec ? 0o755 : 0o644))
  if ('capability' in spec) giveCapability(path)
}

function writeTar(
  path: string,
  { tar, packed, holes }: { tar: readonly TarMember[]; packed?: string; holes?: string },
  first: number,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-tar-'))
  try {
    const plain = join(folder, 'plain.tar')
    for (const [
      index,
      { path: name, text, link, hardlink, folder: isFolder, mode, capability, owner = '0:0' },
    ] of tar.entries()) {
      const at = join(folder, 'tree', name)
      mkdirSync(dirname(at), { recursive: true })
      if (link !== undefined) symlinkSync(link, at)
      else if (hardlink !== undefined) linkSync(join(folder, 'tree', hardlink), at)
      else if (isFolder) mkdirSync(at, { recursive: true })
      else writeFileSync(at, text ?? '')
      if (link === undefined && mode !== undefined) chmodSync(at, mode)
      if (capability) giveCapability(at)
      const [uid, gid] = owner.split(':')
      const args = [
        '--no-recursion',
        '--xattrs',
        '--xattrs-include=security.capability',
        '--format=posix',
        ...(holes === undefined ? [] : ['--sparse', `--sparse-version=${holes}`, '--hole-detection=raw']),
        '--pax-option=delete=atime,delete=ctime',
        `--owner=+${uid}`,
        `--group=+${gid}`,
        `--mtime=@${first + 500 + index}`,
        '-C',
        join(folder, 'tree'),
      ]
      // Two names of one file become a hard link only within one call: the first of a group is written together with
      // the others
      const names = hardlink === undefined ? [name] : [hardlink, name]
      execFileSync('tar', [index === 0 ? '-cf' : '-rf', plain, ...args, ...names])
    }
    const program = packed === undefined ? undefined : { gzip: 'gzip', bzip2: 'bzip2', xz: 'xz' }[packed]
    writeFileSync(path, program === undefined ? execFileSync('cat', [plain]) : execFileSync(program, ['-c', plain]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function giveCapability(path: string): void {
  execFileSync('setfattr', ['-n', 'security.capability', '-v', '0x0100000200200000000000000000000000000000', path])
}

/** Equal for cases that must give equal results. */
export function digestOf(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}
