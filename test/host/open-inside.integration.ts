import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { insideFolder, openInside } from '../../src/host/open-inside.ts'
import { tempFolder } from '../support/temp-folder.ts'

function places(): { root: string; outside: string } {
  const [root, outside] = [tempFolder(), tempFolder()]
  mkdirSync(join(root, 'd/e'), { recursive: true })
  for (const path of [join(root, 'd/file'), join(outside, 'file')]) writeFileSync(path, path)
  return { root, outside }
}

test('a file is opened where it lies', () => {
  const { root } = places()
  const file = openInside(join(root, 'd/file'))
  expect(readFileSync(file, 'utf8')).toBe(join(root, 'd/file'))
  closeSync(file)
})

test.runIf(process.platform === 'linux')('not behind a link, and not at one', () => {
  const { root, outside } = places()
  symlinkSync(outside, join(root, 'd/out'))
  symlinkSync('file', join(root, 'd/link'))
  symlinkSync('d', join(root, 'inside'))
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  expect(() => openInside(join(root, 'd/out/file'))).toThrow('changed while it was opened')
  expect(() => openInside(join(root, 'inside/file'))).toThrow('changed while it was opened')
  expect(() => openInside(join(root, 'd/link'))).toThrow('ELOOP')
  expect(() => openInside(join(root, 'd/out'), { folder: true })).toThrow('ENOTDIR')
  expect(open()).toBe(before)
})

test('a pipe is not waited for', () => {
  const { root } = places()
  expect(spawnSync('mkfifo', [join(root, 'pipe')]).status).toBe(0)
  closeSync(openInside(join(root, 'pipe')))
})

test.runIf(process.platform === 'linux')('a folder stays the one that was opened', () => {
  const { root, outside } = places()
  const names = insideFolder(join(root, 'd'), (pinned) => {
    renameSync(join(root, 'd'), join(root, 'moved'))
    symlinkSync(outside, join(root, 'd'))
    return [readdirSync(pinned), readFileSync(join(pinned, 'file'), 'utf8')]
  })
  expect(names).toEqual([['e', 'file'], join(root, 'd/file')])
  expect(() => insideFolder(join(root, 'd'), () => undefined)).toThrow('ENOTDIR')
})
