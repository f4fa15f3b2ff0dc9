import { expect, test } from 'vitest'
import { createPlainUi } from '../../src/ui/plain.ts'
import { fakeStream, sampleEvents, START } from './events.ts'

test('a whole build, line by line', async () => {
  const { stream, text } = fakeStream()
  const ui = createPlainUi({ stderr: stream, color: false })
  for (const event of sampleEvents()) ui.emit(event)
  ui.note('Stopping')
  await ui.finish()
  await expect(text()).toMatchFileSnapshot('../fixtures/ui/plain.txt')
})

test('colours only when asked', () => {
  const { stream, text } = fakeStream()
  createPlainUi({ stderr: stream, color: true }).emit({ type: 'warning', message: 'w', at: START })
  expect(text()).toBe('\x1b[33mwarning: w\x1b[39m\n')
})

test('events of a step nobody started say nothing', () => {
  const { stream, text } = fakeStream()
  const ui = createPlainUi({ stderr: stream, color: false })
  ui.emit({ type: 'step.log', step: 'x', stream: 'stdout', line: 'x', at: START })
  ui.emit({ type: 'step.done', step: 'x', cached: false, at: START })
  expect(text()).toBe('')
})
