import { expect, test } from 'vitest'
import type { ProgressMode } from '../../src/config/options.ts'
import { createUi } from '../../src/ui/ui.ts'
import { fakeStream, sampleEvents } from './events.ts'

async function show(mode: ProgressMode, isTTY = false, env: Record<string, string> = {}): Promise<string> {
  const { stream, text } = fakeStream({ columns: 100, rows: 30 })
  const ui = await createUi(mode, { stderr: stream, isTTY, env })
  for (const event of sampleEvents()) ui.emit(event)
  await ui.finish()
  return text()
}

test('quiet says nothing', async () => {
  expect(await show('quiet', true)).toBe('')
})

test('rawjson is one event per line, errors with all they know', async () => {
  const lines = (await show('rawjson'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines).toHaveLength(sampleEvents().length)
  expect(lines.map((line) => line['type'])).toEqual(sampleEvents().map((event) => event.type))
  expect(lines.find((line) => line['type'] === 'step.fail')).toEqual({
    type: 'step.fail',
    step: 'b',
    error: {
      code: 'RUN_FAILED',
      message: 'Cannot run "make": exit status 2',
      at: { file: 'Dockerfile', line: 3 },
      output: ['boom'],
    },
    at: 1_700_000_071_000,
  })
})

test('auto is plain without a terminal and on a dumb one', async () => {
  expect(await show('auto', false)).toContain('#1 pull docker.io/library/alpine:3\n')
  expect(await show('auto', true, { TERM: 'dumb' })).toContain('#1 pull docker.io/library/alpine:3\n')
  expect(await show('auto', true, { TERM: 'xterm' })).not.toContain('#1')
})

test('tty needs a terminal', async () => {
  await expect(show('tty')).rejects.toThrow('stderr is not a terminal')
})

test('NO_COLOR takes colours away', async () => {
  expect(await show('plain', true, { NO_COLOR: '1' })).not.toContain('\x1b')
  expect(await show('plain', true)).toContain('\x1b[36m')
})
