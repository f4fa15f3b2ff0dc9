import { expect, test } from 'vitest'
import { runFailure } from '../../src/engine/worker/run-failure.ts'

const end = { status: 1, output: [], fromRuntime: [] }

test.each([
  ['a status', { status: 7, output: ['no luck'] }, false, 'RUN_FAILED', /^Cannot run "make all": exit code 7$/],
  ['a signal', { status: 'SIGKILL' }, false, 'RUN_FAILED', /ended by SIGKILL/],
  ['a status that only an emulator explains', { status: 139 }, false, 'RUN_FAILED', /exit code 139/],
  [
    'a crash under emulation',
    { status: 139 },
    true,
    'EMULATOR',
    /the emulator or the emulated program crashed \(exit code 139\)/,
  ],
  [
    'words of QEMU',
    { status: 1, output: ['qemu: uncaught target signal 11 (Segmentation fault) - core dumped'] },
    true,
    'EMULATOR',
    /crashed/,
  ],
  [
    'a program of another platform',
    { fromRuntime: ['exec /bin/sh: exec format error'] },
    false,
    'EMULATOR',
    /for another platform/,
  ],
  [
    'a program that is missing',
    { fromRuntime: ['exec: "make": executable file not found in $PATH'] },
    false,
    'RUN_FAILED',
    /the image has no program "make"/,
  ],
  [
    'a path that is missing',
    { fromRuntime: ['exec: "/bin/sh": stat /bin/sh: no such file or directory'] },
    false,
    'RUN_FAILED',
    /the image has no program "\/bin\/sh"/,
  ],
  ['the runtime itself', { fromRuntime: ['first', 'cgroup is frozen'] }, false, 'HOST', /: cgroup is frozen$/],
] as const)('%s', (_name, how, emulated, code, said) => {
  const error = runFailure({ argv: ['make', 'all'], emulated }, { ...end, ...how })
  expect(error).toMatchObject({ code, message: expect.stringMatching(said) })
  if (code !== 'HOST') expect(error.message).toBe(`Cannot run "make all": ${error.facts.state}`)
})

test('the last lines are there, without those that the runtime wrote into them', () => {
  const error = runFailure(
    { argv: ['x'], emulated: false },
    {
      status: 1,
      output: ['useful', 'level=error msg="exec: \\"x\\" gone"', 'exec: "x": not found'],
      fromRuntime: ['exec: "x": not found'],
    },
  )
  expect(error.output).toEqual(['useful', 'level=error msg="exec: \\"x\\" gone"'])
})

test('a long command is cut', () => {
  expect(runFailure({ argv: ['x'.repeat(10_000)], emulated: false }, end).message.length).toBeLessThan(300)
})
