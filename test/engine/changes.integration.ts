import { spawnSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesOfName, nameOfBytes } from '../../src/byte-name.ts'
import { layerItems, type ChangesOptions } from '../../src/engine/worker/changes.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Makes files and folders, a path with a slash at its end is a folder, all at the time 1000. */
function folder(...paths: string[]): string {
  const root = tempFolder()
  for (const path of paths) {
    mkdirSync(join(root, path.endsWith('/') ? path : join(path, '..')), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), path)
  }
  stamp(root)
  return root
}

function stamp(root: string, seconds = 1000): void {
  const { status } = spawnSync('find', [root, '-exec', 'touch', '-h', '-d', `@${seconds}`, '{}', '+'])
  expect(status).toBe(0)
}

/** A removal in an overlay's upper folder; needs root, as the engine is inside its namespace. */
function whiteout(root: string, path: string): void {
  expect(spawnSync('mknod', [join(root, path), 'c', '0', '0']).status).toBe(0)
}

function items(upper: string, options: Partial<ChangesOptions> = {}): string[] {
  return [...layerItems(upper, { lowers: [], xattrs: new Map(), ...options })].map(({ entry, file }) => {
    expect(file === undefined ? undefined : file).toBe(
      entry.type === 'file' && entry.mode !== 0o600 ? join(upper, entry.path) : undefined,
    )
    return `${entry.type} ${entry.path}${entry.link === undefined ? '' : ` -> ${entry.link}`}`
  })
}

test('everything, parents first, names in the order of their bytes', () => {
  const upper = folder('b/x', 'a', 'B', 'b.c', 'é', 'z/', 'ａ')
  symlinkSync('a', join(upper, 'link'))
  expect(items(upper)).toEqual([
    'file B',
    'file a',
    'dir b',
    'file b/x',
    'file b.c',
    'symlink link -> a',
    'dir z',
    'file é',
    'file ａ',
  ])
})

test('modes, owners, sizes and times, which are never later than the clamp', () => {
  const upper = folder('d/f')
  chmodSync(join(upper, 'd/f'), 0o4755)
  utimesSync(join(upper, 'd'), 2000.9, 2000.9)
  const own = { uid: process.getuid!(), gid: process.getgid!() }
  const entries = (clamp?: number) =>
    [...layerItems(upper, { lowers: [], xattrs: new Map(), ...(clamp === undefined ? {} : { clamp }) })].map(
      ({ entry }) => entry,
    )
  expect(entries()).toEqual([
    { path: 'd', type: 'dir', mode: 0o755, ...own, size: 0, mtime: 2000 },
    { path: 'd/f', type: 'file', mode: 0o4755, ...own, size: 3, mtime: 1000 },
  ])
  expect(entries(1500).map(({ mtime }) => mtime)).toEqual([1500, 1000])
})

test('names of one file are one file, the first of them', () => {
  const upper = folder('b/one')
  linkSync(join(upper, 'b/one'), join(upper, 'a'))
  linkSync(join(upper, 'b/one'), join(upper, 'c'))
  expect(items(upper)).toEqual(['file a', 'dir b', 'hardlink b/one -> a', 'hardlink c -> a'])
})

test('a folder that is the same below is left out, one that changed is not', () => {
  const lower = folder('same/a', 'mode/a', 'time/a', 'kind', 'deep/er/a')
  const upper = folder('same/b', 'mode/b', 'time/b', 'kind/b', 'deep/er/b', 'new/b')
  chmodSync(join(upper, 'mode'), 0o700)
  utimesSync(join(upper, 'time'), 5, 5)
  expect(items(upper, { lowers: [lower] })).toEqual([
    'file deep/er/b',
    'dir kind',
    'file kind/b',
    'dir mode',
    'file mode/b',
    'dir new',
    'file new/b',
    'file same/b',
    'dir time',
    'file time/b',
  ])
})

test('a folder that changed in the same second as the one below was made is not left out', () => {
  const [lower, upper] = [folder('d/'), folder('d/new')]
  utimesSync(join(lower, 'd'), 1000.1, 1000.1)
  utimesSync(join(upper, 'd'), 1000.4, 1000.4)
  expect(items(upper, { lowers: [lower] })).toEqual(['dir d', 'file d/new'])
})

test.each([
  ['in the same second', 1000.4],
  ['in another', 1001.2],
])('with a clamp it does not matter when a folder changed: %s', (_, seconds) => {
  const [lower, upper] = [folder('d/'), folder('d/new')]
  utimesSync(join(lower, 'd'), 1000.1, 1000.1)
  utimesSync(join(upper, 'd'), seconds, seconds)
  expect(items(upper, { lowers: [lower], clamp: 900 })).toEqual(['file d/new'])
})

test('of several below the topmost counts', () => {
  const [bottom, top, upper] = [folder('d/a'), folder('d/b'), folder('d/c')]
  chmodSync(join(top, 'd'), 0o700)
  expect(items(upper, { lowers: [bottom, top] })).toEqual(['dir d', 'file d/c'])
  expect(items(upper, { lowers: [top, bottom] })).toEqual(['file d/c'])
})

test('what is no folder below, or hides a folder further below, is not looked through', () => {
  const [bottom, middle, upper] = [folder('x/y/a'), folder('x'), folder('x/y/b')]
  expect(items(upper, { lowers: [bottom, middle] })).toEqual(['dir x', 'dir x/y', 'file x/y/b'])
})

test.runIf(process.getuid!() === 0)('removals become whiteouts; a removal below hides what is further below', () => {
  const upper = folder('d/')
  whiteout(upper, 'gone')
  whiteout(upper, 'd/gone')
  expect(items(upper)).toEqual(['dir d', 'file d/.wh.gone', 'file .wh.gone'])
  const [bottom, middle, changed] = [folder('x/y/a'), folder(), folder('x/y/b')]
  whiteout(middle, 'x')
  expect(items(changed, { lowers: [bottom, middle] })).toEqual(['dir x', 'dir x/y', 'file x/y/b'])
})

test('an opaque folder says so and is never left out, nor is what is in it', () => {
  const lower = folder('d/e/a')
  const upper = folder('d/e/b')
  const xattrs = new Map([['d', new Map([['user.overlay.opaque', Buffer.from('y')]])]])
  expect(items(upper, { lowers: [lower], xattrs })).toEqual(['dir d', 'file d/.wh..wh..opq', 'dir d/e', 'file d/e/b'])
})

test('capabilities are kept, the attributes of overlayfs are not', () => {
  const upper = folder('f')
  const value = Buffer.from([1, 0, 0, 2])
  const xattrs = new Map([
    [
      'f',
      new Map([
        ['security.capability', value],
        ['user.overlay.origin', value],
        ['user.mine', value],
      ]),
    ],
  ])
  expect([...layerItems(upper, { lowers: [], xattrs })][0]!.entry.xattrs).toEqual(
    new Map([['security.capability', value]]),
  )
})

test('pipes are entries, sockets are not; devices have their numbers', async () => {
  const upper = folder()
  expect(spawnSync('mkfifo', [join(upper, 'pipe')]).status).toBe(0)
  const { createServer } = await import('node:net')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(upper, 'socket'), resolve))
  expect(items(upper)).toEqual(['fifo pipe'])
  await new Promise((resolve) => server.close(resolve))
})

test.runIf(process.getuid!() === 0)('devices have their numbers', () => {
  const upper = folder()
  expect(spawnSync('mknod', [join(upper, 'block'), 'b', '259', '70000']).status).toBe(0)
  expect([...layerItems(upper, { lowers: [], xattrs: new Map() })].map(({ entry }) => entry)).toMatchObject([
    { type: 'block', devMajor: 259, devMinor: 70000 },
  ])
})

test('names that a layer cannot hold are refused rather than turned into something else', () => {
  const upper = folder('d/.wh.file')
  expect(() => items(upper)).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: 'Cannot pack "d/.wh.file": layers use this name to mark removed files',
    }),
  )
})

test('names that are not UTF-8 come in the order of their bytes, with links to them', () => {
  const other = tempFolder()
  const at = (name: string) => Buffer.concat([Buffer.from(`${other}/`), Buffer.from(name, 'latin1')])
  writeFileSync(at('f\xe9'), 'text')
  linkSync(at('f\xe9'), at('g'))
  symlinkSync(Buffer.from([0xe9]), at('f\xc3\xa9'))
  const found = [...layerItems(other, { lowers: [], xattrs: new Map() })].map(({ entry }) => [
    ...[bytesOfName(entry.path).toString('latin1'), entry.type, entry.link],
  ])
  expect(found).toEqual([
    ['f\xc3\xa9', 'symlink', nameOfBytes(Buffer.from([0xe9]))],
    ['f\xe9', 'file', undefined],
    ['g', 'hardlink', nameOfBytes(Buffer.from('f\xe9', 'latin1'))],
  ])
})

test('a folder over a link is told of, whatever the link leads to on this machine', () => {
  const outside = folder('b/')
  const upper = folder('a/b/f')
  const lower = folder()
  symlinkSync(outside, join(lower, 'a'))
  expect(items(upper, { lowers: [lower] })).toEqual(['dir a', 'dir a/b', 'file a/b/f'])
})
