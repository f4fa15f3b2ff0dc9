import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ARCHITECTURES, elfMagic, elfMask } from '../../src/emulation/architectures.ts'
import { type Handler, handlerFor, parseHandler, readHandlers } from '../../src/emulation/handlers.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-handlers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const arm64 = ARCHITECTURES.find(({ name }) => name === 'arm64')!
const ENTRY = `enabled
interpreter /usr/bin/qemu-aarch64-static
flags: POCF
offset 0
magic ${elfMagic(arm64).toString('hex')}
mask ${elfMask(arm64).toString('hex')}
`
const handler = parseHandler('qemu-aarch64', ENTRY)!

describe('parseHandler', () => {
  test('reads an entry', () => {
    expect(handler).toEqual({
      name: 'qemu-aarch64',
      enabled: true,
      interpreter: '/usr/bin/qemu-aarch64-static',
      flags: 'POCF',
      offset: 0,
      magic: elfMagic(arm64),
      mask: elfMask(arm64),
    })
  })

  test('takes an entry without mask or flags', () => {
    const { mask, flags } = parseHandler('x', 'disabled\ninterpreter /x\nflags: \noffset 1\nmagic 4142\n')!
    expect([mask.toString('hex'), flags]).toEqual(['ffff', ''])
  })

  test.each([
    ['an extension', 'enabled\ninterpreter /usr/bin/jar\nflags: \nextension .jar\n'],
    ['nothing', ''],
    ['an odd magic', 'enabled\ninterpreter /x\nflags: \noffset 0\nmagic 7f4\n'],
  ])('skips %s', (_, text) => {
    expect(parseHandler('x', text)).toBeUndefined()
  })
})

describe('readHandlers', () => {
  test('reads a folder, and nothing where there is none', async () => {
    writeFileSync(join(folder, 'status'), 'enabled\n')
    writeFileSync(join(folder, 'register'), '')
    writeFileSync(join(folder, 'qemu-aarch64'), ENTRY)
    expect(await readHandlers(folder)).toEqual([handler])
    expect(await readHandlers(join(folder, 'absent'))).toEqual([])
  })

  test('counts no entry as enabled while binfmt_misc as a whole is not', async () => {
    writeFileSync(join(folder, 'status'), 'disabled\n')
    expect(await readHandlers(folder)).toEqual([{ ...handler, enabled: false }])
  })
})

test.each<[string, Partial<Handler>, boolean]>([
  ['the usual entry', {}, true],
  ['a disabled one', { enabled: false }, false],
  ['another magic', { magic: Buffer.from('7f454c4601', 'hex') }, false],
  ['a shorter magic that fits', { magic: Buffer.from('7f454c4602', 'hex') }, true],
  ['a magic beyond the header', { offset: 100 }, false],
])('handlerFor with %s', (_, change, found) => {
  expect(handlerFor(arm64, [{ ...handler, ...change }]) !== undefined).toBe(found)
})
