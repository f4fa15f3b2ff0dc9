import { expect, test } from 'vitest'
import { namespaceFailure, tooOldKernel } from '../../src/emulation/namespace-errors.ts'

test.each([
  [['sh: 4: unshare: not found'], 'the program unshare is missing', 'apt-get install util-linux'],
  [['sh: 2: exec: setpriv: not found'], 'the program setpriv is missing', 'apt-get install util-linux'],
  [['mount: /proc/sys/fs/binfmt_misc: mount point does not exist.'], 'binfmt_misc', 'modprobe binfmt_misc'],
  [['sh: 6: printf: printf: I/O error'], 'refused to register an emulator', 'qemu'],
  [['unshare: unshare failed: Operation not permitted'], 'unshare failed: Operation not permitted', 'CAP_SYS_ADMIN'],
  [[], 'without an error message', 'CAP_SYS_ADMIN'],
])('%j is told as a lack of this machine', async (lines, state, hint) => {
  const error = await namespaceFailure('root-emulate', lines)
  expect(error.code).toBe('HOST')
  expect(error.message).toContain(state)
  expect(error.hint).toContain(hint)
  expect(error.output).toEqual(lines)
})

test('an old kernel is named, with what works on it', () => {
  const { code, message, hint } = tooOldKernel('6.1.0-31-amd64')
  expect([code, message]).toEqual([
    'HOST',
    'Cannot register emulators for this build alone: Linux 6.1.0-31-amd64 is older than 6.7',
  ])
  expect(hint).toContain('sudo xbuild qemu install')
})
