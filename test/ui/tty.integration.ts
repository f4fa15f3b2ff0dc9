import { stripVTControlCharacters } from 'node:util'
import { expect, test, vi } from 'vitest'
import { createTtyUi } from '../../src/ui/tty.ts'
import { fakeStream, sampleEvents, START } from './events.ts'

test('draws a running build with listr2 and leaves the final picture', async () => {
  const { stream, chunks, text } = fakeStream({ columns: 80, rows: 30 })
  const write = stream.write
  const ui = createTtyUi({ stderr: stream, color: true, now: () => START + 9000, drawAfter: 0 })
  const events = sampleEvents()
  for (const event of events.slice(0, 13)) ui.emit(event)
  await vi.waitFor(() => expect(stripVTControlCharacters(text())).toContain('│ 100%'), { timeout: 8000 })
  const running = stripVTControlCharacters(text())
  expect(running).toMatch(/\S linux\/amd64 · native/)
  expect(running).toContain('[build 2/2] RUN make  2.0s')
  expect(running).toContain('│ cc -c main.c')
  expect(text()).not.toContain('\x1b[2J')

  ui.note('Stopping: cleaning up')
  await vi.waitFor(() => expect(text()).toContain('Stopping: cleaning up'), { timeout: 8000 })
  for (const event of events.slice(13)) ui.emit(event)
  await ui.finish()

  const drawn = chunks.length
  const final = stripVTControlCharacters(chunks.slice(-4).join(''))
  expect(final).toMatch(/✔ linux\/amd64 · native · 1 step · 10\.0s\n {2}\[build 2\/2\] RUN make {2}2\.5s/)
  expect(final).toMatch(/✖ linux\/arm64 · emulate · 1m 11s\n {2}\[build 2\/2\] RUN make {2}1m 04s/)
  expect(final).toMatch(/✔ linux\/amd64, linux\/arm64 · 1 step, 1 cached/)
  expect(final).toMatch(/↓ linux\/s390x · "build" failed/)
  expect(final).toMatch(/✔ transfers · 1 · 4\.0 MB/)
  expect(final).toContain('warning: JSON arguments recommended for CMD (Dockerfile:9)')
  expect(text().lastIndexOf('\x1b[?25h')).toBeGreaterThan(text().lastIndexOf('\x1b[?25l'))
  expect(stream.write).toBe(write)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(chunks.length).toBe(drawn)
})

test('a build that ends at once is told without drawing', async () => {
  const { stream, text } = fakeStream({ columns: 80, rows: 30 })
  const ui = createTtyUi({ stderr: stream, color: false, now: () => START + 9000, drawAfter: 60_000 })
  for (const event of sampleEvents()) ui.emit(event)
  await ui.finish()
  expect(text()).not.toContain('\x1b')
  expect(text()).toContain('✔ linux/amd64 · native · 1 step · 10.0s\n  [build 2/2] RUN make  2.5s\n')
})

test('finish while listr2 is still being loaded ends cleanly', async () => {
  const { stream, text } = fakeStream({ columns: 80, rows: 30 })
  const ui = createTtyUi({ stderr: stream, color: false, now: () => START, drawAfter: 0 })
  for (const event of sampleEvents().slice(0, 3)) ui.emit(event)
  await new Promise((resolve) => setTimeout(resolve, 0))
  await ui.finish()
  expect(stripVTControlCharacters(text())).toContain('linux/amd64 · native')
})
