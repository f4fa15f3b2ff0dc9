import { expect, test } from 'vitest'
import { createLayerScan } from '../../src/audit/layer-files.ts'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { makeElf } from './support/elf.ts'

const entry = { mode: 0o755, uid: 0, gid: 0, mtime: 0 }

test('a layer with more texts than any image needs is cut, and says so', () => {
  const scan = createLayerScan()
  const bytes = makeElf({ machine: 62, needed: Array.from({ length: 500 }, () => 'l'.repeat(200)) })
  for (let index = 0; index < 1000; index += 1) {
    scan.entry({ ...entry, type: 'file', path: `p${index}`, size: bytes.length } as never)
    scan.data(bytes)
    scan.end()
  }
  const { programs, isCut } = scan.result()
  expect(isCut).toBe(true)
  expect(programs.length).toBeGreaterThan(100)
  expect(programs.length).toBeLessThan(700)
})

test('many layers above many programs are merged in the time of a test', () => {
  const nothing = { programs: [], symlinks: [], hardlinks: [], removed: [], opaque: [], others: [] }
  const base = Array.from({ length: 20_000 }, (_, index) => [`a/b/c/d/e/f/p${index}/link`, 'x'] as const)
  const layers = Array.from({ length: 100 }, (_, index) => ({ ...nothing, others: [['', `other${index}`]] as const }))
  const tree = mergeLayers([{ ...nothing, symlinks: base }, ...layers, { ...nothing, others: [['a/b/c/d/e/f', 'p7']] }])
  expect(tree.links()).toHaveLength(19_999)
})
