import { expect, test } from 'vitest'
import { knownProblems, type EmulatorFacts } from '../../../src/emulation/machine/known-bad.ts'
import { versionAtLeast } from '../../../src/emulation/machine/version.ts'

const GOOD: EmulatorFacts = {
  architecture: 'arm64',
  version: '10.0.2',
  fixedAddress: false,
  kernel: '6.18.44',
  host: 'amd64',
}

test.each<[Partial<EmulatorFacts>, RegExp | undefined]>([
  [{}, undefined],
  [{ version: undefined }, undefined],
  [{ version: '4.2.1' }, /43039/],
  [{ version: '4.2.1', architecture: 'riscv64' }, undefined],
  [{ version: '5.0.1' }, undefined],
  [{ version: '5.2.0' }, /542/],
  [{ version: '6.0.0' }, undefined],
  [{ version: '6.1.0' }, /binfmt\/issues\/72/],
  [{ version: '6.2.0' }, undefined],
  [{ version: '7.2.22', architecture: 'arm' }, /69259/],
  [{ version: '8.0.0' }, undefined],
  [{ version: '9.2.0' }, /245/],
  [{ version: '9.2.3' }, undefined],
  [{ fixedAddress: true }, /215/],
  [{ fixedAddress: true, host: 'arm64' }, undefined],
  [{ fixedAddress: true, kernel: '6.8.0-49-generic' }, undefined],
  [{ fixedAddress: true, kernel: '6.8.0-50-generic' }, /215/],
  [{ fixedAddress: true, kernel: '6.1.111' }, undefined],
  [{ fixedAddress: true, kernel: '6.1.112' }, /215/],
])('%j', (facts, source) => {
  const found = knownProblems({ ...GOOD, ...facts })
  if (source) expect(found.map((problem) => problem.source)).toEqual([expect.stringMatching(source)])
  else expect(found).toEqual([])
})

test.each([
  ['7.2.22', '7.2', true],
  ['7.2', '7.2.1', false],
  ['10.0.2', '9.2.3', true],
  ['6.8.0-49-generic', '6.8.0.50', false],
  ['not a version', '1.0', false],
])('%s is %s or later: %s', (version, other, expected) => {
  expect(versionAtLeast(version, other)).toBe(expected)
})
