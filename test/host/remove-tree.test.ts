import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeTree } from '../../src/host/remove-tree.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('removes a tree that no path reaches the end of, and nothing that its links lead to', () => {
  const folder = tempFolder()
  const top = join(folder, 'top')
  writeFileSync(join(folder, 'kept'), '')
  const name = 'n'.repeat(200)
  // Each round puts what there is below a path of 3,600 bytes
  for (let round = 0; round < 3; round += 1) {
    const bottom = join(folder, 'next', ...Array.from({ length: 17 }, () => name))
    mkdirSync(bottom, { recursive: true })
    symlinkSync(folder, join(bottom, 'link'))
    writeFileSync(join(bottom, 'file'), '')
    if (round > 0) renameSync(top, join(bottom, 'top'))
    renameSync(join(folder, 'next'), top)
  }
  removeTree(top)
  expect(existsSync(top)).toBe(false)
  expect(readdirSync(folder)).toEqual(['kept'])
})

test('does nothing where nothing is', () => {
  expect(() => removeTree(join(tempFolder(), 'none'))).not.toThrow()
})
