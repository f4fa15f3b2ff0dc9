import { expect, test } from 'vitest'
import { amd64Levels, nativePlatforms } from '../../src/emulation/native.ts'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'

const V2 = 'fpu cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3'
const V3 = `${V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`

test.each([
  ['processor\t: 0\nflags\t\t: fpu sse\n', []],
  [`flags\t\t: ${V2}\n`, ['v2']],
  [`processor: 0\nflags\t\t: ${V3}\nbugs\t: x\n`, ['v2', 'v3']],
  [`flags\t: ${V3} avx512bw avx512cd avx512dq avx512f avx512vl`, ['v2', 'v3', 'v4']],
  ['flags\t: avx512bw avx512cd avx512dq avx512f avx512vl', []],
  ['', []],
])('%j', (cpuinfo, levels) => {
  expect(amd64Levels(cpuinfo).map(({ variant }) => variant)).toEqual(levels)
})

test('the first platform is the own one, whatever can be read', async () => {
  expect((await nativePlatforms('/nowhere')).map(formatPlatform)).toEqual([
    formatPlatform(platformOfNodeArch(process.arch)),
  ])
})
