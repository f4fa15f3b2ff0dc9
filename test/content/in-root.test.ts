import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isReal, makeFolders, resolveInRoot } from '../../src/content/in-root.ts'
import { lstatIfPresent } from '../../src/content/lstat.ts'
import { tempFolder } from '../support/temp-folder.ts'

const own = { uid: process.getuid!(), gid: process.getgid!() }

/** A root with every kind of symlink, and a neighbour that must never be reached. */
function puzzle(): { root: string; outside: string } {
  const top = tempFolder()
  const root = join(top, 'root')
  const outside = join(top, 'outside')
  mkdirSync(join(root, 'a/b'), { recursive: true })
  mkdirSync(outside)
  writeFileSync(join(root, 'a/file'), '')
  const links: Record<string, string> = {
    abs: '/a',
    relative: 'a/b',
    up: '../../../../outside',
    absOut: outside,
    dangling: '/nowhere/at/all',
    loop: 'loop',
    one: 'two',
    two: 'one',
    slash: '/',
    dot: '.',
    chain: 'relative/../../abs/b',
    toFile: 'a/file',
    'a/back': '..',
    'a/b/far': '../../../..',
    trailing: 'a/',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  return { root, outside }
}

test.each([
  ['', ''],
  ['/', ''],
  ['.', ''],
  ['..', ''],
  ['../../..', ''],
  ['a', 'a'],
  ['/a//./b/', 'a/b'],
  ['a/../a/b', 'a/b'],
  ['missing/x', 'missing/x'],
  ['missing/../a', 'a'],
  ['abs', 'a'],
  ['abs/b', 'a/b'],
  ['relative', 'a/b'],
  ['relative/..', 'a'],
  ['up', 'outside'],
  ['up/x', 'outside/x'],
  ['dangling', 'nowhere/at/all'],
  ['dangling/x', 'nowhere/at/all/x'],
  ['slash/a', 'a'],
  ['slash/slash/slash', ''],
  ['dot/dot/a', 'a'],
  ['chain', 'a/b'],
  ['a/back/a', 'a'],
  ['a/b/far/a', 'a'],
  ['a/b/far', ''],
  ['trailing', 'a'],
  ['toFile', 'a/file'],
  ['toFile/x', 'a/file/x'],
  ['a/file/x/..', 'a/file'],
  [`a/${'n'.repeat(300)}`, `a/${'n'.repeat(300)}`],
])('%s is %s inside the root', (path, expected) => {
  const { root } = puzzle()
  expect(resolveInRoot(root, path)).toBe(join(root, expected))
})

test('an absolute link out of the root is taken as one inside of it', () => {
  const { root, outside } = puzzle()
  expect(resolveInRoot(root, 'absOut')).toBe(join(root, outside))
})

test.each(['loop', 'loop/x', 'one', 'two/x'])('%s goes round in circles', (path) => {
  const { root } = puzzle()
  expect(() => resolveInRoot(root, path)).toThrow(`Cannot resolve "${path}": too many symbolic links`)
  expect(() => makeFolders(root, path, { owner: own })).toThrow(/too many symbolic links/)
})

test('a link at the end can be left alone, not one on the way', () => {
  const { root } = puzzle()
  expect(resolveInRoot(root, 'abs', { follow: false })).toBe(join(root, 'abs'))
  expect(resolveInRoot(root, 'abs/back', { follow: false })).toBe(join(root, 'a/back'))
  expect(resolveInRoot(root, 'loop', { follow: false })).toBe(join(root, 'loop'))
})

test('a real path stays real until a link comes into its way', () => {
  const { root } = puzzle()
  expect(isReal(root, join(root, 'a/b'))).toBe(true)
  expect(isReal(root, join(root, 'abs/b'))).toBe(false)
  expect(isReal(root, join(root, 'a/back'))).toBe(true)
})

test.each([
  ['x/y', 'x/y', ['x', 'x/y']],
  ['a/b', 'a/b', []],
  ['abs/new', 'a/new', ['a/new']],
  ['up/x', 'outside/x', ['outside', 'outside/x']],
  ['dangling', 'nowhere/at/all', ['nowhere', 'nowhere/at', 'nowhere/at/all']],
  ['../../z', 'z', ['z']],
  ['', '', []],
])('folders %s are made as %s', (path, real, made) => {
  const { root, outside } = puzzle()
  const result = makeFolders(root, path, { owner: own })
  expect([result.path, result.made]).toEqual([join(root, real), made.map((one) => join(root, one))])
  for (const one of result.made) expect(statSync(one).mode & 0o7777).toBe(0o755)
  expect(readdirSync(outside)).toEqual([])
})

test('folders in a set-group-id folder are such folders, too, unless an archive makes them by the way', () => {
  const { root } = puzzle()
  chmodSync(join(root, 'a'), 0o2755)
  for (const [options, mode] of [
    [{ owner: own }, 0o2755],
    [{ owner: own, plain: true }, 0o755],
  ] as const) {
    const { made } = makeFolders(root, `a/${mode}/x`, options)
    expect(made.map((one) => statSync(one).mode & 0o7777)).toEqual([mode, mode])
  }
})

test('the folder that gets something new is told with the time it had', () => {
  const { root } = puzzle()
  utimesSync(join(root, 'a'), 1000, 1000)
  expect(makeFolders(root, 'abs/x/y', { owner: own }).grown).toEqual({ path: join(root, 'a'), mtime: 1000 })
  expect(makeFolders(root, 'abs/x/y', { owner: own }).grown).toBeUndefined()
})

test('nothing is made in the place of a file', () => {
  const { root } = puzzle()
  expect(() => makeFolders(root, 'a/file/x', { owner: own })).toThrow(
    'Cannot make the folder "a/file/x": "/a/file" is not a folder',
  )
  expect(() => makeFolders(root, 'toFile', { owner: own })).toThrow(/"\/a\/file" is not a folder/)
})

test('look sees what is there and nothing where nothing can be', () => {
  const { root } = puzzle()
  expect(lstatIfPresent(join(root, 'a'))?.isDirectory()).toBe(true)
  expect(lstatIfPresent(join(root, 'loop'))?.isSymbolicLink()).toBe(true)
  for (const path of ['missing', 'a/file/x', 'n'.repeat(300), 'a\0b'])
    expect(lstatIfPresent(join(root, path))).toBeUndefined()
})
