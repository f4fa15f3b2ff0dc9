import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createStartList, OTHERS, readStarts } from '../../src/engine/starts.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-starts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function read(text: string | Buffer) {
  const path = join(folder, 'starts')
  writeFileSync(path, text)
  return readStarts(path)
}

test('starts are counted by program and kind, those under QEMU first', () => {
  expect(read('e /bin/sh\nn /usr/lib/cc1\ne /bin/sed\ne /bin/sed\nn /bin/sed\n')).toEqual([
    { program: '/bin/sed', native: 1, emulated: 2 },
    { program: '/bin/sh', native: 0, emulated: 1 },
    { program: '/usr/lib/cc1', native: 1, emulated: 0 },
  ])
  expect(read('')).toEqual([])
})

test('a twin that did not start counts as emulated', () => {
  expect(read('n /bin/tar\nn /bin/tar\nu /bin/tar\n')).toEqual([{ program: '/bin/tar', native: 1, emulated: 1 }])
})

test('lines longer than a piece of the file, and across two of them, are read right', () => {
  const many = Array.from({ length: 9000 }, (_, index) => `e /bin/${'é'.repeat(20)}${index % 3}\n`).join('')
  expect(read(many).map(({ program, emulated }) => [program, emulated])).toEqual(
    [0, 1, 2].map((last) => [`/bin/${'é'.repeat(20)}${last}`, 3000]),
  )
})

test('what a step writes there itself is bounded: no endless lines, names or files', () => {
  expect(read(`e ${'x'.repeat(300_000)}\nbad\n\0\nx /bin/sh\ne \ne /bin/ok\n`)).toEqual([
    { program: '/bin/ok', native: 0, emulated: 1 },
  ])
  const names = read(Array.from({ length: 3000 }, (_, index) => `e /bin/${index}\n`).join(''))
  expect(names).toHaveLength(1001)
  expect(names[0]).toEqual({ program: OTHERS, native: 0, emulated: 2000 })
  const path = join(folder, 'large')
  writeFileSync(path, 'e /bin/sh\n')
  truncateSync(path, 2 ** 40)
  expect(readStarts(path)).toEqual([{ program: '/bin/sh', native: 0, emulated: 1 }])
})

test('steps of a platform are added up, by image', () => {
  const list = createStartList()
  list.add('linux/arm64', [{ program: '/bin/sh', native: 0, emulated: 1 }], ['app'])
  list.add('linux/arm64', [{ program: '/bin/sh', native: 1, emulated: 1 }], ['app', 'web'])
  list.add('linux/s390x', [], ['app'])
  expect(list.all('app')).toEqual([
    {
      platform: 'linux/arm64',
      native: 1,
      emulated: 2,
      programs: [{ program: '/bin/sh', native: 1, emulated: 2 }],
    },
  ])
  expect(list.all('web').map(({ emulated }) => emulated)).toEqual([1])
})

test.each([true, false])('profiles are kept by platform, as the steps ended; each of them: %s', (detailed) => {
  const list = createStartList({ detailed })
  const profile = (step: string) => ({
    step,
    seconds: 2,
    programs: [{ name: 'ld', native: 0.5, emulated: 2 }],
    starts: [],
  })
  const ld = [{ program: '/usr/bin/ld', native: 0, emulated: 1 }]
  list.add('linux/arm64', ld, [], profile('one'))
  list.add('linux/arm64', ld, [], profile('two'))
  list.add('linux/riscv64', ld)
  const [arm, riscv] = list.all()
  expect(arm!.profile?.map(({ step }) => step)).toEqual(detailed ? ['one', 'two'] : undefined)
  expect(arm!.cpu).toEqual({ native: 1, emulated: 4 })
  expect(riscv).not.toHaveProperty('profile')
  expect(riscv).not.toHaveProperty('cpu')
})
