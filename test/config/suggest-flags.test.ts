import { expect, test } from 'vitest'
import { parseArgv } from '../../src/cli/command-line.ts'

const read = (argv: readonly string[], env: Record<string, string> = {}) =>
  parseArgv(['suggest', ...argv], env, { cwd: '/work', localPlatform: { os: 'linux', architecture: 'amd64' } })

test.each([
  [[], { context: '.', platforms: [], buildArgs: {}, json: false, write: false, cwd: '/work' }],
  [['app', '-f', 'x', '--json'], { context: 'app', file: 'x', json: true }],
  [
    ['--write', '--target', 'prod', '--build-arg', 'A=b', '--platform', 'linux/arm/v7'],
    {
      write: true,
      target: 'prod',
      buildArgs: { A: 'b' },
      platforms: [{ os: 'linux', architecture: 'arm', variant: 'v7' }],
    },
  ],
])('xbuild suggest %j', (argv, options) => {
  expect(read(argv)).toMatchObject({ command: 'suggest', options })
})

test('platforms come from the environment, too', () => {
  expect(read([], { DOCKER_DEFAULT_PLATFORM: 'linux/riscv64' })).toMatchObject({
    options: { platforms: [{ os: 'linux', architecture: 'riscv64' }] },
  })
})

test.each([
  [['a', 'b'], /one PATH is needed and there are 2/],
  [['-f', '-', '--write'], /Cannot use "--write"/],
  [['--wrte'], /unknown flag/],
])('xbuild suggest %j is refused', (argv, message) => {
  expect(() => read(argv)).toThrow(message)
})
