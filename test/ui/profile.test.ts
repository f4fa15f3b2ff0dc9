import { expect, test } from 'vitest'
import { profileTexts, startsText } from '../../src/ui/starts.ts'

const starts = [
  { program: '/usr/bin/sed', native: 1200, emulated: 0 },
  { program: '/bin/sed', native: 34, emulated: 1 },
  { program: './conftest', native: 0, emulated: 30 },
]

test('a profile says the share of a platform, and what took most of each step', () => {
  const profile = [
    {
      step: 'RUN ./configure\u001b[31m',
      seconds: 4,
      programs: [
        { name: 'sed', native: 3, emulated: 0.04 },
        { name: 'conftest', native: 0, emulated: 0.96 },
      ],
      starts,
    },
  ]
  const [share, step, ...rows] = profileTexts({
    platform: 'linux/arm64',
    native: 0,
    emulated: 0,
    programs: [],
    profile,
  })
  expect(share).toMatch(/^linux\/arm64: 75 % of the CPU time/)
  expect(step).toMatch(/^RUN \.\/configure.*: 4\.0 s of CPU$/)
  expect(step).not.toContain('\u001b')
  expect(rows).toEqual([
    '  PROGRAM   STARTS  EMULATED  CPU S  EMULATED',
    '  sed        1,234         1    3.0       0.0',
    '  conftest       0        30    0.0       1.0',
  ])
})

test('without profiles there is no line', () => {
  expect(profileTexts({ platform: 'linux/arm64', native: 1, emulated: 0, programs: [] })).toEqual([])
})

test.each([
  [{ native: 7.9, emulated: 2.1 }, '; about 80 % of their CPU time natively'],
  [{ native: 0, emulated: 60 }, '; about 0 % of their CPU time natively'],
  // Looks are too few to say
  [{ native: 3, emulated: 1 }, ''],
  [undefined, ''],
])('of %j a summary says "%s"', (cpu, said) => {
  const text = startsText({
    platform: 'linux/arm64',
    native: 1,
    emulated: 2,
    programs: starts,
    ...(cpu ? { cpu } : {}),
  })
  expect(text).toBe(`linux/arm64 started 1 programs natively, 2 emulated; most: conftest 30, sed 1${said}`)
})
