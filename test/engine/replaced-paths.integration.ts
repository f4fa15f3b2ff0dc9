import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { makeFolders } from '../../src/content/in-root.ts'
import { lstatIfPresent } from '../../src/content/lstat.ts'
import type { CopyParams } from '../../src/engine/protocol.ts'
import { selectSources } from '../../src/content/select.ts'
import { createCopyTarget } from '../../src/engine/worker/copy-target.ts'
import { setFolderTime } from '../../src/engine/worker/folder-times.ts'
import { makeMountPoints, removeMountPoints } from '../../src/engine/worker/mount-points.ts'
import { resolveOwner } from '../../src/engine/worker/users.ts'
import { item, tar, type TarItem } from '../support/tar.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Few names, so that whatever replaces a path is in the way of the others. */
const name = fc.constantFrom('a', 'b', 'c')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))

/** Where links lead: into the machine by every way that a name can take, or nowhere. */
const target = fc
  .tuple(fc.constantFrom('', '/..', '/proc/self/root', '/proc/1/root', '/../../../../../../../..'), fc.option(path))
  .map(
    ([way, below]) =>
      (outside: string) =>
        `${way}${outside}${below === null ? '' : `/${below}`}`,
  )
const relative = fc.oneof(
  path,
  path.map((one) => `/${one}`),
  fc.constantFrom('.', '..', '/', 'nowhere/at/all'),
)
const kind = fc.oneof(
  target.map((to) => ({ type: 'link' as const, to })),
  relative.map((to) => ({ type: 'link' as const, to: () => to })),
  path.map((to) => ({ type: 'hardlink' as const, to: () => to })),
  fc.constantFrom('fifo', 'device', 'folder', 'file', 'nothing').map((type) => ({ type, to: () => '' })),
)
const change = fc.record({ path, kind })

/** The machine: every path that the names can make, as an empty folder, an empty file or a file. */
function machine(folder: string, depth = 3): void {
  for (const one of ['a', 'b', 'c']) {
    const at = join(folder, one)
    if (one === 'c' || depth === 1) writeFileSync(at, '')
    else {
      mkdirSync(at)
      if (one === 'a') machine(at, depth - 1)
    }
  }
}

function state(path: string): string[] {
  const stat = lstatSync(path, { bigint: true })
  const { mode, uid, gid, ino, nlink, size, mtimeNs, ctimeNs } = stat
  const line = `${path} ${[mode, uid, gid, ino, nlink, size, mtimeNs, ctimeNs].join(' ')}`
  if (stat.isFile()) return [`${line} ${readFileSync(path, 'utf8')}`]
  if (stat.isSymbolicLink()) return [`${line} ${readlinkSync(path)}`]
  return stat.isDirectory() ? [line, ...readdirSync(path).flatMap((one) => state(join(path, one)))] : [line]
}

let moved = 0

/** What a step does: what was there is moved away, with whatever is mounted in it. */
function replace(
  root: string,
  { path, kind }: { path: string; kind: { type: string; to(out: string): string } },
  outside: string,
) {
  const at = join(root, path)
  if (realFolder(root, dirname(path)) === undefined) return
  if (lstatIfPresent(at)) renameSync(at, join(root, `moved-${(moved += 1)}`))
  if (kind.type === 'link') symlinkSync(kind.to(outside), at)
  if (kind.type === 'folder') mkdirSync(at)
  if (kind.type === 'file') writeFileSync(at, '')
  if (kind.type === 'fifo') execFileSync('mkfifo', [at])
  if (kind.type === 'device') execFileSync('mknod', [at, 'c', '1', '3'])
  const from = kind.to(outside)
  if (kind.type === 'hardlink' && realFolder(root, dirname(from)) && lstatIfPresent(join(root, from))?.isFile())
    linkSync(join(root, from), at)
}

function realFolder(root: string, path: string): string | undefined {
  let at = root
  for (const part of path.split('/').filter((one) => one !== '.')) {
    at = join(at, part)
    if (!lstatIfPresent(at)?.isDirectory()) return undefined
  }
  return at
}

async function quiet(use: () => unknown): Promise<void> {
  try {
    await use()
  } catch (error) {
    // Refused in words; anything else is a fault
    if (!(error instanceof XbuildError)) throw error
  }
}

const asRoot = process.getuid!() === 0

test.runIf(asRoot)(
  'whatever a step puts in the place of a path, nothing outside changes by what comes after it',
  async () => {
    const top = tempFolder()
    const context = join(top, 'context')
    mkdirSync(join(context, 's/a/b'), { recursive: true })
    for (const one of ['x', 's/c', 's/a/c', 's/a/b/c']) writeFileSync(join(context, one), 'new')
    const outside = join(top, 'outside')
    mkdirSync(outside)
    machine(outside)
    const before = state(outside)
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          image: fc.array(change, { maxLength: 3 }),
          mounts: fc.array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 3 }),
          step: fc.array(change, { minLength: 1, maxLength: 4 }),
          dest: path,
          slash: fc.boolean(),
          archive: fc.array(fc.tuple(path, kind), { maxLength: 4 }),
        }),
        async ({ image, mounts, step, dest, slash, archive }) => {
          runs += 1
          const root = join(top, `root-${runs}`)
          mkdirSync(root)
          for (const one of image) replace(root, one, outside)
          await quiet(() => {
            const points = makeMountPoints(root, {
              files: mounts.filter(([, isFile]) => isFile).map(([one]) => `/${one}`),
              folders: mounts.filter(([, isFile]) => !isFile).map(([one]) => `/${one}`),
            })
            for (const one of step) replace(root, one, outside)
            removeMountPoints(root, points)
          })
          await quiet(() => {
            const { made, grown } = makeFolders(root, dest)
            for (const folder of made) setFolderTime(root, folder, 0)
            if (grown) setFolderTime(root, grown.path, grown.mtime)
          })
          await quiet(() => resolveOwner(root, 'name:group'))
          writeFileSync(join(context, 'x.tar'), tar(archive.map(([at, one]) => entryOf(at, one, outside))))
          for (const [source, unpack] of [
            ['s', false],
            ['x', false],
            ['x.tar', true],
            ['s', false],
          ] as const)
            await quiet(() => copyInto(root, { context, source, unpack, dest: `/${dest}${slash ? '/' : ''}` }))
          expect(state(outside)).toEqual(before)
          rmSync(root, { recursive: true })
        },
      ),
      { seed: 7, numRuns: 120 },
    )
  },
  60_000,
)

function entryOf(path: string, kind: { type: string; to(out: string): string }, outside: string): TarItem {
  const link = kind.to(outside)
  if (kind.type === 'link') return item({ path, type: 'symlink', link })
  if (kind.type === 'hardlink') return item({ path, type: 'hardlink', link })
  if (kind.type === 'fifo') return item({ path, type: 'fifo' })
  if (kind.type === 'device') return item({ path, type: 'char', devMajor: 1, devMinor: 3 })
  return kind.type === 'folder' ? item({ path, type: 'dir', mode: 0o755 }) : item({ path, data: 'new' })
}

/** One COPY or ADD of three sources, so that the second may come into the way of what the first left to do. */
async function copyInto(
  root: string,
  { context, source, unpack, dest }: { context: string; source: string; unpack: boolean; dest: string },
): Promise<void> {
  const given = { kind: 'context' as const, root: context, selected: selectSources(context, ['s', source, 's']) }
  const params: CopyParams = { id: 'x', lowers: [], source: given, inline: [], dest, unpack }
  const into = createCopyTarget(root, params, new AbortController().signal)
  const add = into.from({ ...given, unpack })
  try {
    for (const selected of given.selected) await add(context, selected)
    into.addInline('c', 'inline')
  } finally {
    into.finish()
  }
}
