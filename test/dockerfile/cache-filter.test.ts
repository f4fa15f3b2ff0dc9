import { expect, test } from 'vitest'
import { checkCacheFilter } from '../../src/dockerfile/cache-filter.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'

const { dockerfile } = parseDockerfile('ARG V\nFROM a AS Build\nFROM b\nFROM build AS tests\n', { file: 'Dockerfile' })

test.each([[[]], [['build']], [['BUILD', 'Tests']]])('%j: names of stages, in any case', (names) => {
  expect(checkCacheFilter(dockerfile, names)).toEqual([])
})

test('a name that no stage has: one warning, with the one that was meant', () => {
  expect(checkCacheFilter(dockerfile, ['Biuld', 'build', 'Biuld', '1'])).toEqual([
    {
      rule: 'unknown-cache-filter',
      severity: 'warning',
      message: '--no-cache-filter "Biuld" has no effect: no stage has that name',
      hint: expect.stringContaining('"build"'),
      at: { file: 'Dockerfile', line: 2 },
    },
    {
      rule: 'unknown-cache-filter',
      severity: 'warning',
      message: '--no-cache-filter "1" has no effect: no stage has that name',
      hint: 'Use the name that a FROM gives with AS',
      at: { file: 'Dockerfile', line: 2 },
    },
  ])
})
