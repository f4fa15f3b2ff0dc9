import { expect, test } from 'vitest'
import { parseConfigFile } from '../../src/config/file.ts'
import { parseArgv } from '../../src/cli/command-line.ts'

const localPlatform = { os: 'linux', architecture: 'amd64' }
const read = (argv: string[], yaml?: string) =>
  parseArgv(
    ['doctor', ...argv],
    {},
    { cwd: '/', localPlatform, ...(yaml === undefined ? {} : { file: parseConfigFile(yaml, 'xbuild.yaml') }) },
  )

test('what is not given comes from xbuild.yaml', () => {
  const yaml =
    'platforms: [linux/arm64, linux/riscv64]\nnodes: {board: "tcp://board:1234"}\nregistries: {r.example: {http: true}}\n'
  expect(read(['--fix', 'ghcr.io'], yaml)).toMatchObject({
    command: 'doctor',
    options: {
      fix: true,
      json: false,
      timeout: 2000,
      words: ['ghcr.io'],
      platforms: [{ architecture: 'arm64' }, { architecture: 'riscv64' }],
      configured: [{ name: 'board' }],
      registries: { 'r.example': { http: true } },
    },
  })
  expect(read(['--platform', 'linux/s390x', '--timeout', '5s'], yaml)).toMatchObject({
    options: { platforms: [{ architecture: 's390x' }], timeout: 5000 },
  })
  expect(read([])).toMatchObject({ options: { platforms: [], configured: [], words: [] } })
})

test.each([[['--platform', 'a/b/c/d']], [['--timeout', '0']], [['--fx']]])('xbuild doctor %j is refused', (argv) => {
  expect(() => read(argv)).toThrow(/^Cannot /)
})
