import { expect, test } from 'vitest'
import { readArgv } from '../../src/cli/command-line.ts'
import { LATER_FLAGS } from '../../src/config/unsupported.ts'

/** What `docker buildx build` takes beside the flags xbuild has. */
const BUILDX_FLAGS = 'cgroup-parent policy'.split(' ')

test.each(BUILDX_FLAGS)('--%s is known and says "not yet"', (name) => {
  expect(() => readArgv([`--${name}=something`, '.'])).toThrow(`"--${name}=something": xbuild does not support it yet`)
})

test.each(Object.keys(LATER_FLAGS))('--%s is not also a flag that xbuild has', (name) => {
  const value = LATER_FLAGS[name]?.accepts?.('false') ? 'true' : 'never'
  expect(() => readArgv([`--${name}=${value}`])).toThrow('yet')
})

const NO_CHANGE = ['--rm', '--isolation default', '--isolation=default']

test.each(NO_CHANGE)('%s asks for what xbuild does anyway', (text) => {
  expect(readArgv([...text.split(' '), '.'])).toMatchObject({ command: 'build', words: ['.'], given: new Map() })
})

test.each([
  [['--squash', '.'], '"--squash"'],
  [['--cgroup-parent', 'x', '.'], '"--cgroup-parent=x"'],
])('%j names what it cannot do', (argv, shown) => {
  expect(() => readArgv(argv)).toThrow(`Cannot use ${shown}: xbuild does not support it yet`)
})

test('flags of docker for resources are values of --resource', () => {
  const words = '-m 1g --memory-swap=2g -c512 --cpu-quota 5000 --cpu-period=10000 --cpuset-cpus 0,1 --cpuset-mems=0 .'
  const { given } = readArgv(words.split(' '))
  expect(given.get('resource')).toEqual([
    'memory=1g',
    'memory-swap=2g',
    'cpu-shares=512',
    'cpu-quota=5000',
    'cpu-period=10000',
    'cpuset-cpus=0,1',
    'cpuset-mems=0',
  ])
})

test('only a build has them', () => {
  expect(() => readArgv(['du', '--memory=1g'])).toThrow('--memory')
})
