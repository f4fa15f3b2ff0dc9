import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linkOrCopy, stageFile, stageFolder } from '../../src/host/staging.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-staging-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = () => ({ signal: new AbortController().signal })

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}

async function* breaking() {
  yield Buffer.from('half')
  throw new Error('the source broke')
}

test('a file shows up whole, in folders that are made', async () => {
  const path = join(folder, 'a', 'b')
  await stageFile(path, pieces('one ', 'two'), open())
  expect(await readFile(path, 'utf8')).toBe('one two')
  expect(await readdir(join(folder, 'a'))).toEqual(['b'])
})

test('a source that breaks leaves the old file and nothing else', async () => {
  const path = join(folder, 'file')
  await writeFile(path, 'old')
  await expect(stageFile(path, breaking(), open())).rejects.toThrow('the source broke')
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['file'])
})

test('a folder that cannot be filled does not show up', async () => {
  const work = stageFolder(join(folder, 'new'), async (temp) => {
    await writeFile(join(temp, 'half'), '')
    throw new Error('the source broke')
  })
  await expect(work).rejects.toThrow('the source broke')
  expect(await readdir(folder)).toEqual([])
})

test('a full disk is said with the name of the output', async () => {
  const work = stageFile('/dev/full', pieces('x'), open())
  await expect(work).rejects.toMatchObject({
    code: 'HOST',
    message: 'Cannot write "/dev/full": no space left on device',
    hint: expect.any(String),
  })
})

test('a folder is no file, a file is no folder', async () => {
  await expect(stageFile(folder, pieces('x'), open())).rejects.toMatchObject({ code: 'BAD_OPTION' })
  await writeFile(join(folder, 'file'), '')
  await expect(stageFile(join(folder, 'file', 'x'), pieces('x'), open())).rejects.toThrow(
    /a part of the path is not a folder/,
  )
})

test('a link is made where it can be, once', async () => {
  const [source, target] = [join(folder, 'source'), join(folder, 'target')]
  await writeFile(source, 'bytes')
  expect(await linkOrCopy(source, target)).toBe(true)
  expect((await stat(target)).ino).toBe((await stat(source)).ino)
  expect(await linkOrCopy(source, target)).toBe(false)
  expect((await readdir(folder)).toSorted()).toEqual(['source', 'target'])
})

test('on another file system a copy is made, and made again only when it is another file', async () => {
  const source = join(folder, 'source')
  const far = await mkdtemp('/dev/shm/xbuild-staging-')
  try {
    expect((await stat(far)).dev).not.toBe((await stat(folder)).dev)
    const target = join(far, 'target')
    await writeFile(source, 'bytes')
    await utimes(source, 1_000_000_000, 1_000_000_000)
    expect(await linkOrCopy(source, target)).toBe(true)
    const { ino } = await stat(target)
    expect(await linkOrCopy(source, target)).toBe(false)
    expect((await stat(target)).ino).toBe(ino)
    await writeFile(target, 'BYTES')
    expect(await linkOrCopy(source, target)).toBe(false)
    expect(await readFile(target, 'utf8')).toBe('bytes')
    expect(await readdir(far)).toEqual(['target'])
  } finally {
    await rm(far, { recursive: true })
  }
})

test('another file of that name is replaced', async () => {
  const [source, target] = [join(folder, 'source'), join(folder, 'target')]
  await writeFile(source, 'bytes')
  await writeFile(target, 'spoil')
  expect(await linkOrCopy(source, target)).toBe(false)
  expect(await readFile(target, 'utf8')).toBe('bytes')
  await mkdir(join(folder, 'sub'))
  await expect(linkOrCopy(source, join(folder, 'sub'))).rejects.toThrow()
  expect((await readdir(folder)).toSorted()).toEqual(['source', 'sub', 'target'])
})
