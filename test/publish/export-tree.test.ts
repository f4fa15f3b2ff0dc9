import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BuildEvent } from '../../src/events.ts'
import type { TarEntry } from '../../src/oci/tar-format.ts'
import { createTarReader } from '../../src/oci/tar-reader.ts'
import { exportLocal, treeTar, type ExportOptions } from '../../src/publish/export-tree.ts'
import { smallImage, type SmallEntry } from '../support/images.ts'

let folder: string
let events: BuildEvent[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-tree-'))
  events = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const image = (platform: string, files: readonly SmallEntry[]) => smallImage(join(folder, 'store'), platform, { files })
const calls = (): ExportOptions => ({
  emit: (event: BuildEvent) => void events.push(event),
  signal: new AbortController().signal,
})
const out = (...names: string[]) => join(folder, 'out', ...names)

const files: readonly SmallEntry[] = [
  { path: './etc', type: 'dir', mode: 0o750 },
  { path: 'etc/hello', data: 'hi', mode: 0o600 },
  { path: 'etc/link', type: 'symlink', link: 'hello' },
  { path: 'etc/hard', type: 'hardlink', link: 'etc/hello' },
  { path: 'bin/tool', data: 'x', mode: 0o4755, uid: 1000 },
  { path: 'dev/null', type: 'char', devMajor: 1, devMinor: 3 },
]

test('one platform goes straight into the folder; devices and setuid bits stay out', async () => {
  await exportLocal([await image('linux/amd64', files)], out(), calls())
  expect((await readdir(out(), { recursive: true })).toSorted()).toEqual([
    'bin',
    'bin/tool',
    'etc',
    'etc/hard',
    'etc/hello',
    'etc/link',
  ])
  expect(await readFile(out('etc/hard'), 'utf8')).toBe('hi')
  expect(await readlink(out('etc/link'))).toBe('hello')
  expect((await stat(out('etc'))).mode & 0o7777).toBe(0o750)
  expect((await stat(out('bin/tool'))).mode & 0o7777).toBe(0o755)
  expect((await stat(out('bin/tool'))).uid).toBe(process.getuid?.())
  expect(events).toMatchObject([{ type: 'warning', message: 'linux/amd64: 1 device file was left out of the export' }])
})

test('other names of devices stay out, those of links do not', async () => {
  const linked: readonly SmallEntry[] = [
    { path: 'null', type: 'char', devMajor: 1, devMinor: 3 },
    { path: 'other', type: 'hardlink', link: 'null' },
    { path: 'link', type: 'symlink', link: 'nowhere' },
    { path: 'second', type: 'hardlink', link: 'link' },
  ]
  await exportLocal([await image('linux/amd64', linked)], out(), calls())
  expect((await readdir(out())).toSorted()).toEqual(['link', 'second'])
  expect(await readlink(out('second'))).toBe('nowhere')
})

test('several platforms get a folder each; files are overwritten, others stay', async () => {
  await mkdir(out('linux_arm_v7', 'etc'), { recursive: true })
  await writeFile(out('linux_arm_v7', 'etc', 'hello'), 'old')
  await writeFile(out('linux_arm_v7', 'etc', 'mine'), 'mine')
  const images = await Promise.all(
    ['linux/amd64', 'linux/arm/v7'].map((platform) => image(platform, files.slice(0, 2))),
  )
  await exportLocal(images, out(), calls())
  expect(await readFile(out('linux_amd64/etc/hello'), 'utf8')).toBe('hi')
  expect(await readFile(out('linux_arm_v7/etc/hello'), 'utf8')).toBe('hi')
  expect(await readFile(out('linux_arm_v7/etc/mine'), 'utf8')).toBe('mine')
})

test('nothing is written through a link that an earlier export left', async () => {
  await mkdir(join(folder, 'victim'))
  await mkdir(out())
  await symlink(join(folder, 'victim'), out('a'))
  await symlink(join(folder, 'victim', 'file'), out('b'))
  await exportLocal(
    [
      await image('linux/amd64', [
        { path: 'a/x', data: '1' },
        { path: 'b', data: '2' },
      ]),
    ],
    out(),
    calls(),
  )
  expect(await readdir(join(folder, 'victim'))).toEqual([])
  expect(await readFile(out('a/x'), 'utf8')).toBe('1')
  expect(await readFile(out('b'), 'utf8')).toBe('2')
})

test('nothing is written through a link of the image itself', async () => {
  await mkdir(join(folder, 'victim'))
  const hostile = [
    { path: 'a', type: 'symlink' as const, link: join(folder, 'victim') },
    { path: 'a/x', data: '1' },
  ]
  await expect(exportLocal([await image('linux/amd64', hostile)], out(), calls())).rejects.toThrow(
    /"a\/x": a symbolic link is in its path/,
  )
  expect(await readdir(join(folder, 'victim'))).toEqual([])
})

test.each(['../x', 'a/../../x', '/../x'])('an entry "%s" is refused and nothing is left', async (path) => {
  await expect(exportLocal([await image('linux/amd64', [{ path, data: '1' }])], out(), calls())).rejects.toThrow(
    /points outside of the image/,
  )
  expect(await readdir(folder)).toEqual(['store'])
})

test('a hard link to the outside is refused', async () => {
  const hostile = [{ path: 'shadow', type: 'hardlink' as const, link: '../../../etc/passwd' }]
  await expect(exportLocal([await image('linux/amd64', hostile)], out(), calls())).rejects.toThrow(
    /points outside of the image/,
  )
})

test.each(['l/secret', 'secret', 'd'])('a hard link to "%s" is refused: the image has no such file', async (link) => {
  await mkdir(join(folder, 'victim'))
  await writeFile(join(folder, 'victim/secret'), 'x')
  await mkdir(out('d'), { recursive: true })
  await symlink(join(folder, 'victim'), out('l'))
  await writeFile(out('secret'), 'x')
  const hostile = [
    { path: 'd', type: 'dir' as const },
    { path: 'h', type: 'hardlink' as const, link },
    { path: 'h', data: 'y' },
  ]
  await expect(exportLocal([await image('linux/amd64', hostile)], out(), calls())).rejects.toThrow(
    `Cannot export "h": it is a link to "${link}", which is not an earlier file of the image`,
  )
  expect((await stat(join(folder, 'victim/secret'))).nlink).toBe(1)
})

test('a stream that is cut or breaks leaves nothing', async () => {
  const good = await image('linux/amd64', files)
  const whole = await buffer(await good.image.exportTree!({ signal: calls().signal }))
  const cut = { ...good, image: { ...good.image, exportTree: async () => Readable.from([whole.subarray(0, 1300)]) } }
  await expect(exportLocal([cut], out(), calls())).rejects.toThrow(/ends in the middle/)
  const broken = { ...good, image: { ...good.image, exportTree: async () => Readable.from(breaking(whole)) } }
  await expect(exportLocal([broken], out(), calls())).rejects.toThrow('the disk is gone')
  expect(await readdir(folder)).toEqual(['store'])
})

test('what tar cannot unpack is an error with its words', async () => {
  await mkdir(out('etc', 'hello', 'full'), { recursive: true })
  const work = exportLocal([await image('linux/amd64', files.slice(0, 2))], out(), calls())
  await expect(work).rejects.toMatchObject({
    code: 'HOST',
    message: `Cannot export linux/amd64 to "${out()}": tar could not unpack it`,
    output: expect.arrayContaining([expect.stringContaining('etc/hello')]),
  })
})

test('a tar keeps owners, modes, devices and attributes; several platforms are prefixed', async () => {
  const xattrs = new Map([['security.capability', Buffer.from([1, 0, 0, 2, 0xff])]])
  const images = await Promise.all(
    ['linux/amd64', 'linux/arm64'].map((platform) => image(platform, [...files, { path: 'cap', data: 'y', xattrs }])),
  )
  const entries = await entriesOf(treeTar(images, { ...calls(), sourceDateEpoch: 1000 }))
  // The folders themselves, as BuildKit writes them: otherwise they get the mode that the umask says
  for (const path of ['linux_amd64', 'linux_arm64'])
    expect(entries.find((entry) => entry.path === path)).toMatchObject({
      type: 'dir',
      mode: 0o755,
      uid: 0,
      mtime: 1000,
    })
  expect(entries.filter(({ path }) => path.startsWith('linux_arm64/')).map(({ path }) => path)).toEqual(
    ['etc', 'etc/hello', 'etc/link', 'etc/hard', 'bin/tool', 'dev/null', 'cap'].map((path) => `linux_arm64/${path}`),
  )
  const find = (path: string) => entries.find((entry) => entry.path === `linux_amd64/${path}`)
  expect(find('etc/hard')?.link).toBe('linux_amd64/etc/hello')
  expect(find('etc/link')?.link).toBe('hello')
  expect(find('bin/tool')).toMatchObject({ mode: 0o4755, uid: 1000 })
  expect(find('dev/null')).toMatchObject({ type: 'char', devMajor: 1, devMinor: 3 })
  expect(find('cap')?.xattrs?.get('security.capability')).toEqual(xattrs.get('security.capability'))
  const single = await entriesOf(treeTar(images.slice(0, 1), calls()))
  expect(single[0]?.path).toBe('etc')
})

test('no time is later than SOURCE_DATE_EPOCH', async () => {
  const entries = [
    { path: 'old', data: '', mtime: 100 },
    { path: 'new', data: '', mtime: 2000 },
  ]
  const written = await entriesOf(treeTar([await image('linux/amd64', entries)], { ...calls(), sourceDateEpoch: 1000 }))
  expect(written.map((entry) => entry.mtime)).toEqual([100, 1000])
})

test('a driver that cannot export says so', async () => {
  const { exportTree: _, ...rest } = (await image('linux/amd64', files)).image
  const work = exportLocal([{ platform: { os: 'linux', architecture: 'amd64' }, image: rest }], out(), calls())
  await expect(work).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

async function* breaking(whole: Buffer) {
  yield whole.subarray(0, 1024)
  throw new Error('the disk is gone')
}

async function entriesOf(stream: AsyncIterable<Uint8Array>): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  const reader = createTarReader({ entry: (entry) => entries.push(entry), data: () => {}, end: () => {} })
  reader.write(await buffer(Readable.from(stream)))
  reader.finish()
  return entries
}

test.each(['.git/config', 'sub/.git', 'sub/.git/hooks/pre-commit', '.GIT/config'])(
  'an image does not change the repository that lies at "%s"',
  async (path) => {
    const top = /^.*\.git/i.exec(path)![0]
    await mkdir(out(top), { recursive: true })
    await writeFile(out(top, 'config'), 'mine')
    const entries: readonly SmallEntry[] = [{ path, data: 'evil' }]
    await expect(exportLocal([await image('linux/amd64', entries)], out(), calls())).rejects.toThrow(
      `Cannot export "${path}" to "${out()}": a git repository is there`,
    )
    expect(await readFile(out(top, 'config'), 'utf8')).toBe('mine')
    expect(await readdir(out(top))).toEqual(['config'])
  },
)

test('a repository of the image is exported where none is', async () => {
  await mkdir(out('.git'), { recursive: true })
  const entries: readonly SmallEntry[] = [
    { path: 'sub/.git/HEAD', data: 'ref: refs/heads/main' },
    { path: 'sub/.git/config', data: '' },
    { path: '.gitignore', data: '' },
    { path: 'x.git/config', data: '' },
  ]
  await exportLocal([await image('linux/amd64', entries)], out(), calls())
  expect(await readdir(out('sub/.git'))).toEqual(['HEAD', 'config'])
})
