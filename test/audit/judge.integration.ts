import { expect, test } from 'vitest'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { judge } from '../../src/audit/judge.ts'
import { parsePlatform } from '../../src/platform.ts'

test('a chain of libraries that is longer than the stack, and many files of one name, are read to their end', () => {
  const library = (name: string, needed: string) => ({
    path: `lib/${name}`,
    executable: false,
    program: { format: 'elf', os: 'linux', architecture: 'arm64', kind: 'library', needed: [needed] } as const,
  })
  const programs = Array.from({ length: 20_000 }, (_, index) => library(`l${index}`, `l${index + 1}`))
  const last = { ...library('l20000', 'none'), program: { ...library('', '').program, architecture: 'amd64' } }
  const nothing = { symlinks: [], hardlinks: [], removed: [], opaque: [], others: [] }
  const tree = mergeLayers([{ ...nothing, programs: [...programs, last] }])
  const { findings } = judge({
    platform: parsePlatform('linux/arm64'),
    config: { Cmd: ['/lib/l0'] },
    tree,
    isWhole: true,
  })
  expect(findings).toMatchObject([{ path: '/lib/l20000', because: 'a library of /lib/l19999' }])
})
