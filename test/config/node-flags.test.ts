import { expect, test } from 'vitest'
import { parseConfigFile } from '../../src/config/file.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { parsePlatform } from '../../src/platform.ts'

const read = (...argv: string[]) =>
  parseArgv(['node', ...argv], {}, { cwd: '/work', localPlatform: parsePlatform('linux/amd64') })

test.each([
  [[], { verb: 'ls', json: false }],
  [['ls', '--json'], { verb: 'ls', json: true }],
  [['inspect', 'board'], { verb: 'inspect', names: ['board'] }],
  [['rm', 'a', 'b'], { verb: 'rm', names: ['a', 'b'] }],
  [['use', 'local'], { verb: 'use', names: ['local'] }],
  [
    ['add', 'board', 'ssh://pi@board'],
    { verb: 'add', name: 'board', settings: { endpoint: 'ssh://pi@board' }, use: false },
  ],
  [
    ['add', 'board', 'ssh://pi@board', '--platform', 'linux/arm64', '--slots=2', '--use'],
    { verb: 'add', settings: { endpoint: 'ssh://pi@board', platforms: ['linux/arm64'], slots: '2' }, use: true },
  ],
  [
    ['add', 'board', 'ssh://pi@board', '--packs'],
    { verb: 'add', settings: { endpoint: 'ssh://pi@board', packs: 'true' } },
  ],
])('xbuild node %j', (argv, options) => {
  expect(read(...argv)).toMatchObject({ command: 'node', options })
})

test.each([
  [['lst'], /unknown/],
  [['ls', 'board'], /takes no names/],
  [['inspect'], /no name is given/],
  [['add', 'board'], /a name and an endpoint are needed/],
  [['add', 'local', 'ssh://board'], /the name is reserved for this machine/],
  [['add', '../x', 'ssh://board'], /it is not a valid name/],
  [['add', 'board', 'board.example'], /it is not an endpoint/],
  [['add', 'board', 'ssh://board', '--slots', 'many'], /not a whole number/],
  [['add', 'board', 'ssh://board', '--platform', 'linux/arm65'], /unknown architecture/],
  [['add', 'board', 'local', '--packs'], /has them anyway/],
  [['rm', 'board', '--packs'], /belongs to xbuild node add/],
  [['rm', 'board', '--slots', '2'], /belongs to xbuild node add/],
])('xbuild node %j is refused', (argv, message) => {
  expect(() => read(...argv)).toThrow(message)
})

test('nodes of xbuild.yaml, with all their mistakes at once', () => {
  expect(
    parseConfigFile(
      'nodes:\n  board: ssh://pi@board\n  cluster: {endpoint: tcp://c:1234, platforms: [linux/arm64, linux/amd64], slots: 8, packs: true}\n',
      'xbuild.yaml',
    ).nodes,
  ).toMatchObject([
    { name: 'board', endpoint: { kind: 'ssh', host: 'board' }, origin: 'xbuild.yaml' },
    {
      name: 'cluster',
      endpoint: { kind: 'tcp' },
      platforms: [{ architecture: 'arm64' }, { architecture: 'amd64' }],
      slots: 8,
      packs: true,
    },
  ])
  const bad =
    'nodes:\n  a: {platforms: linux/arm64}\n  b: {endpoint: ssh://b, slot: 1}\n  c: nowhere\n  d: {endpoint: ssh://d, packs: maybe}\n'
  expect(() => parseConfigFile(bad, 'xbuild.yaml')).toThrow(
    expect.objectContaining({
      diagnostics: [
        expect.objectContaining({
          message: 'Cannot use node "a": it has no endpoint',
          at: { file: 'xbuild.yaml', line: 2, column: 3 },
        }),
        expect.objectContaining({ hint: 'Did you mean "slots"?', at: { file: 'xbuild.yaml', line: 3, column: 26 } }),
        expect.objectContaining({
          message: expect.stringContaining('it is not an endpoint'),
          at: { file: 'xbuild.yaml', line: 4, column: 3 },
        }),
        expect.objectContaining({
          message: expect.stringContaining('neither true nor false'),
          at: { file: 'xbuild.yaml', line: 5, column: 3 },
        }),
      ],
    }),
  )
})
