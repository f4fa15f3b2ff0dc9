import { expect, test } from 'vitest'
import { moveTexts, textsOf } from '../../../src/emulation/packs/move-texts.ts'

/** An amd64 program: code at 0x1000 that names a constant by `lea`, constants at 0x2000, a relocation that names it, too. */
function program(constants: string): Buffer {
  const file = Buffer.alloc(0x4000)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file)
  file.writeUInt16LE(3, 16)
  file.writeUInt16LE(62, 18)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(56, 54)
  const headers = [
    [5, 0x1000, 0x100],
    [4, 0x2000, constants.length],
    [6, 0x3000, 0x100],
  ] as const
  file.writeUInt16LE(headers.length, 56)
  headers.forEach(([flags, offset, size], index) => {
    const at = 64 + 56 * index
    file.writeUInt32LE(1, at)
    file.writeUInt32LE(flags, at + 4)
    for (const [place, value] of [offset, offset, offset, size, size, 0x1000].entries())
      file.writeBigUInt64LE(BigInt(value), at + 8 + place * 8)
  })
  file.write(constants, 0x2000, 'latin1')
  const address = 0x2000 + constants.indexOf('\0x86_64\0') + 1
  Buffer.from([0x48, 0x8d, 0x05]).copy(file, 0x1010) // lea address(%rip), %rax
  file.writeInt32LE(address - 0x1017, 0x1013)
  Buffer.from([0x0f, 0xbe, 0x07]).copy(file, 0x1040) // movsbl (%rdi), %eax
  file.writeBigUInt64LE(0x3080n, 0x3000)
  file.writeBigUInt64LE(8n, 0x3008)
  file.writeBigUInt64LE(BigInt(address), 0x3010)
  return file
}

const twin = program('first\0x86_64\0x86_64-pc\0')
const own = program('\0aarch64\0aarch64-unknown\0')
const at = (made: Buffer, address: number) => made.toString('latin1', address, made.indexOf(0, address))

test('every place that names a text names the one of the image, which may be longer; the old one stays', () => {
  const made = moveTexts({ twin, program: own, texts: { x86_64: 'aarch64' }, letters: { '0fbe07': '0fb607' } })
  expect(at(made, 0x1017 + made.readInt32LE(0x1013))).toBe('aarch64')
  expect(at(made, Number(made.readBigUInt64LE(0x3010)))).toBe('aarch64')
  expect(at(made, 0x2006)).toBe('x86_64')
  expect(made[0x1041]).toBe(0xb6)
  expect(made.length).toBe(twin.length)
})

test.each([
  ['a text that the twin lacks', { x86_65: 'aarch64' }, {}, '"x86_65" is not in it once'],
  ['a text that the program lacks', { x86_64: 'riscv64' }, {}, `"riscv64" is not in the image's`],
  ['a text that nothing names', { 'x86_64-pc': 'aarch64-unknown' }, {}, 'nothing names "x86_64-pc"'],
  ['other instructions', {}, { '0fbe1234': '0fb61234' }, 'the instructions 0fbe1234 are not in it once'],
])('%s is refused', (_, texts, letters, reason) => {
  expect(() => moveTexts({ twin, program: own, texts, letters })).toThrow(reason)
})

test('a text of the same length takes the place of the old one, also where there is no room for more', () => {
  const full = program(`first\0x86_64\0${'x'.repeat(0x1000 - 14)}\0`)
  const made = moveTexts({ twin: full, program: program('first\0mips64\0'), texts: { x86_64: 'mips64' } })
  expect(at(made, 0x1017 + made.readInt32LE(0x1013))).toBe('mips64')
  expect(at(made, 0x2006)).toBe('mips64')
})

test('it does not where something names a part of the old one, or nothing names it', () => {
  const shared = Buffer.from(twin)
  shared.writeBigUInt64LE(0x2008n, 0x3010)
  const other = { program: program('mips64\0x86_64\0'), texts: { x86_64: 'mips64' } }
  expect(() => moveTexts({ ...other, twin: shared })).toThrow('something names a part of "x86_64"')
  shared.fill(0, 0x1010, 0x1017)
  shared.fill(0, 0x3000, 0x3018)
  expect(() => moveTexts({ ...other, twin: shared })).toThrow('nothing names "x86_64"')
})

test('of several programs each has those texts that it or its twin tells', () => {
  const texts = { x86_64: 'aarch64', nowhere: 'neither' }
  expect(textsOf({ twin, program: own }, texts)).toEqual({ x86_64: 'aarch64' })
  expect(textsOf({ twin, program: program('none\0') }, texts)).toEqual({ x86_64: 'aarch64' })
  expect(textsOf({ twin: program('none\0'), program: program('none\0') }, texts)).toEqual({})
})

test('a program whose constants fill their page is refused', () => {
  const full = program(`first\0x86_64\0${'x'.repeat(0x1000 - 14)}\0`)
  expect(() => moveTexts({ twin: full, program: own, texts: { x86_64: 'aarch64' } })).toThrow(/no room|no unused place/)
})

test('a length that stands beside the code that names a text is that of the new one; without it the text is refused', () => {
  const beside = Buffer.from(twin)
  beside.fill(0, 0x3000, 0x3018) // whoever reads the text by this address has its length elsewhere
  Buffer.from([0xba, 6, 0, 0, 0, 0x4c, 0x89, 0xff]).copy(beside, 0x1008) // mov $6, %edx; mov %r15, %rdi
  const made = moveTexts({ twin: beside, program: own, texts: { x86_64: 'aarch64' }, sized: true })
  expect(made.readUInt32LE(0x1009)).toBe('aarch64'.length)
  expect(() => moveTexts({ twin, program: own, texts: { x86_64: 'aarch64' }, sized: true })).toThrow(
    'no length of 6 stands beside a text',
  )
})
