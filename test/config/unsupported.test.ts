import { expect, test } from 'vitest'
import { readArgv } from '../../src/cli/command-line.ts'
import { LATER_FLAGS } from '../../src/config/unsupported.ts'

/** What `docker buildx build` takes beside the flags xbuild has. */
const BUILDX_FLAGS = (
  'cgroup-parent policy ' + 'sbom memory memory-swap cpu-shares cpu-period cpu-quota cpuset-cpus cpuset-mems'
).split(' ')

test.each(BUILDX_FLAGS)('--%s is known and says "not yet"', (name) => {
  expect(() => readArgv([`--${name}=something`, '.'])).toThrow(`"--${name}=something": xbuild does not support it yet`)
})

test.each(Object.keys(LATER_FLAGS))('--%s is not also a flag that xbuild has', (name) => {
  const value = LATER_FLAGS[name]?.accepts?.('false') ? 'true' : 'never'
  expect(() => readArgv([`--${name}=${value}`])).toThrow('yet')
})

const NO_CHANGE = ['--sbom=0', '--rm', '--sbom false']

test.each(NO_CHANGE)('%s asks for what xbuild does anyway', (text) => {
  expect(readArgv([...text.split(' '), '.'])).toMatchObject({ command: 'build', words: ['.'], given: new Map() })
})

test.each([
  [['--sbom', 'true', '.'], '"--sbom=true"'],
  [['--squash', '.'], '"--squash"'],
  [['-m', '1g', '.'], '"--memory=1g"'],
])('%j names what it cannot do', (argv, shown) => {
  expect(() => readArgv(argv)).toThrow(`Cannot use ${shown}: xbuild does not support it yet`)
})
