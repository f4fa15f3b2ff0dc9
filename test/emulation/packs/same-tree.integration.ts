import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sameTree } from '../../../src/emulation/packs/sibling/same-tree.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function pair() {
  const root = tempFolder()
  const sides = { left: join(root, 'left'), right: join(root, 'right') }
  for (const side of Object.values(sides)) mkdirSync(side)
  return { ...sides, sides: Object.values(sides), except: [] as string[] }
}

const many = (side: string, count: number, prefix: string) => {
  for (let index = 0; index < count; index += 1) writeFileSync(join(side, `${prefix}${index}`), '')
}

describe('two trees', () => {
  test.each([
    ['left', 'a'],
    ['left', 'm'],
    ['left', 'z'],
    ['right', 'a'],
    ['right', 'm'],
    ['right', 'z'],
  ] as const)('differ by a file that only the %s one has, at "%s"', async (side, name) => {
    const trees = pair()
    for (const one of trees.sides) for (const both of ['b', 'n', 'y']) writeFileSync(join(one, both), both)
    writeFileSync(join(trees[side], name), '')
    expect(await sameTree(trees)).toEqual({ different: `only one of them has "${name}"` })
    expect(await sameTree({ ...trees, except: [name] })).toMatchObject({ digest: expect.any(String) as string })
  })

  test('differ by a byte at the end of a file of many pieces, else their digest is that of the whole', async () => {
    const trees = pair()
    const bytes = Buffer.alloc(2_500_000, 'abc')
    for (const side of trees.sides) writeFileSync(join(side, 'large'), bytes)
    const same = await sameTree(trees)
    const other = pair()
    for (const side of other.sides) {
      writeFileSync(join(side, 'large'), bytes.fill('x', bytes.length - 1))
    }
    expect(same).toMatchObject({ digest: expect.any(String) as string })
    expect(await sameTree(other)).not.toEqual(same)
    writeFileSync(join(trees.right, 'large'), bytes)
    expect(await sameTree(trees)).toEqual({ different: '"large" differs' })
  })

  test('are read a piece at a time: large files take no memory', async () => {
    const trees = pair()
    for (const side of trees.sides) {
      writeFileSync(join(side, 'large'), '')
      truncateSync(join(side, 'large'), 300_000_000)
    }
    const before = process.resourceUsage().maxRSS
    expect(await sameTree(trees)).toMatchObject({ digest: expect.any(String) as string })
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200_000)
  })

  test('are not read beyond the limits: names are counted before they are compared, bytes before they are read', async () => {
    const limits = { entries: 10, bytes: 100 }
    const names = pair()
    many(names.left, 11, 'a')
    many(names.right, 1, 'b')
    expect(await sameTree(names, limits)).toEqual({ different: 'they have more than 10 files' })
    const deep = pair()
    for (const side of deep.sides) {
      for (const folder of ['x', 'y']) {
        mkdirSync(join(side, folder))
        many(join(side, folder), 5, 'a')
      }
    }
    expect(await sameTree(deep, limits)).toEqual({ different: 'they have more than 10 files' })
    const bytes = pair()
    for (const side of bytes.sides) writeFileSync(join(side, 'large'), Buffer.alloc(101))
    expect(await sameTree(bytes, limits)).toEqual({ different: 'they have more than 100 bytes' })
  })

  test('are compared without following links', async () => {
    const trees = pair()
    for (const side of trees.sides) symlinkSync('/dev/ptmx', join(side, 'link'))
    expect(await sameTree(trees)).toMatchObject({ digest: expect.any(String) as string })
    rmSync(join(trees.right, 'link'))
    symlinkSync('/dev/null', join(trees.right, 'link'))
    expect(await sameTree(trees)).toEqual({ different: 'the link "link" differs' })
  })
})
