import { appendFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownMark } from '../../../src/host/process-mark.ts'
import { openStoreFolder } from '../../../src/store/folder.ts'
import { JOURNAL, LOG, openJournal } from '../../../src/store/runs/journal.ts'
import { readRun, readRuns } from '../../../src/store/runs/read-run.ts'
import {
  claimAttempt,
  listRuns,
  makeRunFolder,
  removeOldRuns,
  runFolder,
  runsFolder,
} from '../../../src/store/runs/run-folder.ts'
import { createRunLog, readRunLog, type LogEntry } from '../../../src/store/runs/run-log.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const GONE = '4194304-1-.'

async function open(name: string) {
  const folder = await openStoreFolder(join(tempFolder(), name))
  const id = makeRunFolder(folder, Date.parse('2026-01-02T03:04:05Z'))
  return { folder, id, path: runFolder(folder, id) }
}

async function entriesOf(log: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of log) entries.push(entry)
  return entries
}

const begin = (mark: string) => ({
  type: 'begin',
  at: 1000,
  version: '1',
  mark,
  cwd: '/here',
  command: ['build', '.'],
  images: [{ image: '', tags: ['a:1'] }],
})

test('the name of a run tells when it began, and names of one second differ', async () => {
  const { folder, id } = await open('names')
  expect(id).toMatch(/^20260102-030405-[0-9a-z]{4}$/)
  const more = Array.from({ length: 20 }, () => makeRunFolder(folder, Date.parse('2026-01-02T03:04:05Z')))
  expect(listRuns(folder)).toEqual([id, ...more].toSorted())
})

test('a run whose process is gone was interrupted; a torn last line is no line, and what is added after it is whole', async () => {
  const { folder, id, path } = await open('torn')
  const journal = openJournal(path, JOURNAL)
  const platform = { type: 'platform', at: 2000, image: '', platform: 'linux/amd64', status: 'running' }
  journal.write(begin(GONE), platform)
  journal.close()
  appendFileSync(join(path, JOURNAL), '{"type":"end","at":3000,"sta')
  expect(readRun(folder, id)).toMatchObject({
    state: 'interrupted',
    attempts: 1,
    images: [{ status: 'open', platforms: [{ platform: 'linux/amd64', status: 'skipped' }] }],
  })
  const again = openJournal(path, JOURNAL)
  again.write({ ...begin(ownMark()), at: 5000 })
  expect(readRun(folder, id)).toMatchObject({ state: 'running', attempts: 2, pid: process.pid })
  again.write(
    { type: 'image', at: 6000, image: '', status: 'done', digest: 'sha256:1' },
    { type: 'end', at: 7000, status: 'done' },
  )
  again.close()
  expect(readRun(folder, id)).toMatchObject({
    state: 'done',
    duration: 3000,
    images: [{ status: 'done', digest: 'sha256:1' }],
  })
})

test('only one process goes on with a run', async () => {
  const { path } = await open('claims')
  writeFileSync(join(path, 'attempt-2'), '1-1-a.1')
  expect(() => claimAttempt(path, 2, () => false)).toThrow(/process 1 works on it/)
  claimAttempt(path, 2, () => true)
  expect(() => claimAttempt(path, 3, () => false)).not.toThrow()
})

test('lines that are damaged, of unknown kinds or far too long are no lines', async () => {
  const { folder, id, path } = await open('damaged')
  const lines = [
    'null',
    '[]',
    '{"type":"__proto__","at":1}',
    '{"type":"begin","at":1,"images":[{"image":1}]}',
    JSON.stringify(begin(GONE)),
    '{"type":"platform","at":1,"image":"","platform":7,"status":"done"}',
    '{"type":"ready","at":1,"image":"","publication":"../../../etc/passwd"}',
    '{"type":"tag","at":1,"image":"other","ref":"a","digest":"b"}',
    `{"type":"output","at":1,"image":"","output":"${'x'.repeat(2_000_000)}"}`,
    '{"type":"output","at":1,"image":"","output":"kept"}',
  ]
  writeFileSync(join(path, JOURNAL), lines.join('\n'))
  const run = readRun(folder, id)
  expect(run?.images).toMatchObject([{ image: '', status: 'open', platforms: [], outputs: ['kept'], moved: [] }])
  expect(run?.images[0]).not.toHaveProperty('publication')
})

test('a link in the place of a journal, a log or a run is not followed', async () => {
  const { folder, id, path } = await open('links')
  const elsewhere = tempFolder()
  writeFileSync(join(elsewhere, JOURNAL), `${JSON.stringify(begin(GONE))}\n`)
  writeFileSync(join(elsewhere, LOG), '{"type":"warning","message":"x","at":1}\n')
  symlinkSync(join(elsewhere, JOURNAL), join(path, JOURNAL))
  symlinkSync(join(elsewhere, LOG), join(path, LOG))
  symlinkSync(elsewhere, join(runsFolder(folder), '20260102-030405-link'))
  expect(readRuns(folder)).toEqual([])
  expect(await entriesOf(readRunLog(folder, id))).toEqual([])
  expect(() => openJournal(path, JOURNAL)).toThrow(/ELOOP/)
  expect(() => readRun(folder, '../records')).toThrow(/no run is called/)
})

test('so much of a platform is kept as the limit says, and that it was cut is told', async () => {
  const { folder, id, path } = await open('bounded')
  const log = createRunLog(path, { limit: 1000, onError: (error) => expect.fail(String(error)) })
  const step = (name: string, platform: string) =>
    log.add({ type: 'step.start', step: name, name, platforms: [platform], at: 1 })
  step('a', 'linux/amd64')
  step('b', 'linux/arm64')
  for (let n = 0; n < 50; n++)
    log.add({ type: 'step.log', step: 'a', stream: 'stdout', line: `\x1b[2Jline ${n}`, at: 2 })
  log.add({ type: 'step.log', step: 'b', stream: 'stderr', line: 'other', at: 3 })
  log.close()
  appendFileSync(join(path, LOG), `{"type":"step.log","line":"${'y'.repeat(400_000)}`)
  const entries = await entriesOf(readRunLog(folder, id))
  expect(entries.filter(({ type }) => type === 'step.log').length).toBe(10)
  expect(entries.at(-1)).toMatchObject({ type: 'step.log', step: 'b', line: 'other' })
  expect(entries.filter(({ type }) => type === 'cut')).toMatchObject([{ platforms: ['linux/amd64'] }])
})

test('steps and warnings that never end do not fill the disk', async () => {
  const { folder, id, path } = await open('endless')
  const log = createRunLog(path, { limit: 100_000, onError: (error) => expect.fail(String(error)) })
  for (let n = 0; n < 1000; n++) {
    log.add({ type: 'step.start', step: `s${n}`, name: 'x'.repeat(10_000), platforms: ['linux/amd64'], at: 1 })
    log.add({ type: 'warning', message: 'x'.repeat(100_000), at: 1 })
  }
  log.close()
  expect(statSync(join(path, LOG)).size).toBeLessThan(120_000)
  expect((await entriesOf(readRunLog(folder, id))).length).toBeGreaterThan(5)
})

test('the oldest runs go when there are far more than are kept, or after a month', async () => {
  const { folder, id } = await open('many')
  const now = Date.parse('2026-01-20T00:00:00Z')
  const more = Array.from({ length: 225 }, (_, n) => makeRunFolder(folder, now - 1e6 + n * 1000))
  expect(removeOldRuns(folder, { now, isKept: (run) => run === more[0] })).toHaveLength(25)
  expect(listRuns(folder)).toEqual([more[0], ...more.slice(25)])
  expect(removeOldRuns(folder, { now: now + 40 * 86_400_000, isKept: () => false })).toHaveLength(201)
  expect(listRuns(folder)).not.toContain(id)
})

test('runs that begin in one second are listed in the order in which they began', async () => {
  const folder = await openStoreFolder(join(tempFolder(), 'order'))
  const second = Date.parse('2026-01-02T03:04:05Z')
  const ids = Array.from({ length: 100 }, (_, tenth) => makeRunFolder(folder, second + 10 * tenth))
  expect(listRuns(folder)).toEqual(ids)
})
