import { expect, test } from 'vitest'
import { flagMeanings, machineFlags } from '../../../src/emulation/machine/flags.ts'

test.each([
  { kernel: '6.18.44', version: '7.2.22', credentials: false, flags: 'POF' },
  { kernel: '6.18.44', version: '7.2.22', credentials: true, flags: 'POCF' },
  { kernel: '5.12.0', version: '5.2.0', credentials: false, flags: 'POF' },
  { kernel: '5.10.0-28-amd64', version: '7.2.22', credentials: false, flags: 'OF' },
  { kernel: '6.1.0', version: '5.1.9', credentials: false, flags: 'OF' },
  { kernel: '6.1.0', version: undefined, credentials: false, flags: 'OF' },
])('Linux $kernel, QEMU $version, credentials $credentials: $flags', ({ flags, ...facts }) => {
  expect(machineFlags(facts)).toBe(flags)
})

test('each letter is put into words, those of newer kernels too', () => {
  expect(flagMeanings('PFZ').map(({ letter }) => letter)).toEqual(['P', 'F', 'Z'])
  expect(flagMeanings('F')[0]?.meaning).toMatch(/containers/)
  expect(flagMeanings('Z')[0]?.meaning).toMatch(/not known/)
  expect(flagMeanings('')).toEqual([])
})
