import { expect, test } from 'vitest'
import { execFamily } from '../../src/host/exec-family.ts'

test('gives back output and status', async () => {
  expect(await execFamily('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({
    stdout: 'out\n',
    stderr: 'err\n',
    exitCode: 3,
  })
  expect(
    await execFamily('sh', ['-c', 'echo $A; pwd'], { cwd: '/', env: { PATH: process.env['PATH'], A: 'x' } }),
  ).toMatchObject({ stdout: 'x\n/\n' })
})

test('a program that is not there, or a signal that came before, is an error', async () => {
  await expect(execFamily('/no/such/program', [])).rejects.toMatchObject({ code: 'HOST' })
  await expect(execFamily('sh', ['-c', 'kill -9 $$'])).rejects.toMatchObject({ code: 'HOST' })
  await expect(execFamily('true', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELED' })
})

test.each(['', 'trap "" TERM; '])('what the program started ends with it (%j)', async (prelude) => {
  const stop = new AbortController()
  // Heard from before the start: without a listener Node takes the signal for a wish to be debugged
  const started = new Promise((resolve) => process.once('SIGUSR1', resolve))
  const running = execFamily(
    'sh',
    [
      '-c',
      `${prelude}sh -c '${prelude}echo $$; kill -USR1 ${process.pid}; while :; do sleep 1; done' & wait; sleep 1000`,
    ],
    { signal: stop.signal },
  )
  await started
  stop.abort()
  await expect(running).rejects.toMatchObject({ code: 'CANCELED' })
})
