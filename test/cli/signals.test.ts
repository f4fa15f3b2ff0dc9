import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { withSignals } from '../../src/cli/signals.ts'
import { exitCodeOf, toXbuildError } from '../../src/errors.ts'

function fakeProcess() {
  const emitter = new EventEmitter()
  const exits: number[] = []
  const terminal = Object.assign(emitter, { exit: (code: number) => void exits.push(code) })
  return {
    terminal: terminal as unknown as Parameters<typeof withSignals>[0],
    send: (name: string) => emitter.emit(name),
    exits,
    emitter,
  }
}

const nothing = () => {}

test('work that is left alone gives its value, and no listener stays', async () => {
  const { terminal, emitter } = fakeProcess()
  expect(await withSignals(terminal, { onStop: nothing, work: async () => 7 })).toBe(7)
  expect(emitter.eventNames()).toEqual([])
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s aborts, waits for the clean-up, and ends as canceled', async (name) => {
  const { terminal, send, exits } = fakeProcess()
  const told: string[] = []
  const finished = withSignals(terminal, {
    onStop: () => void told.push('stop'),
    work: async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      told.push('cleaned up')
      throw new Error('some program was ended')
    },
  })
  send(name)
  const error = toXbuildError(await finished.catch((thrown: unknown) => thrown))
  expect(exitCodeOf(error)).toBe(130)
  expect(told).toEqual(['stop', 'cleaned up'])
  expect(exits).toEqual([])
})

test('the second signal ends the program at once', async () => {
  const { terminal, send, exits } = fakeProcess()
  let release = nothing
  const finished = withSignals(terminal, {
    onStop: nothing,
    work: () => new Promise<void>((resolve) => (release = resolve)),
  })
  send('SIGINT')
  expect(exits).toEqual([])
  send('SIGTERM')
  expect(exits).toEqual([130])
  release()
  await finished
})

test('an error without a signal stays what it is', async () => {
  const { terminal } = fakeProcess()
  await expect(
    withSignals(terminal, { onStop: nothing, work: () => Promise.reject(new Error('mine')) }),
  ).rejects.toThrow('mine')
})
