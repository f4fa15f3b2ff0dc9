import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BuildEvent } from '../../src/events.ts'
import { XbuildError } from '../../src/errors.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { createLedger } from '../../src/session/ledger.ts'
import { decode, encode } from '../../src/session/publication-json.ts'
import { readRun, readRuns } from '../../src/store/runs/read-run.ts'
import { readRunLog } from '../../src/store/runs/run-log.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BEGIN = { images: [{ image: '', tags: ['a:1'] }], origin: { cwd: '/', command: ['build', '.'] } }
const digest = sha256('x')

function ledgerOf(hear: BuildEvent[] = []) {
  return createLedger({ emit: (event) => hear.push(event), signal: new AbortController().signal })
}

test('what happens to platforms is written down with how many of their steps were known before', async () => {
  const store = await openStore(tempFolder())
  const ledger = ledgerOf()
  ledger.open(store, { ...BEGIN, hide: (text) => text.replaceAll('hidden-word', '***') })
  const [job, platform] = ['image', 'linux/amd64']
  ledger.emit({ type: 'job.start', job, platform, strategy: 'native', node: 'local', at: 1000 })
  for (const [step, cached] of [
    ['a', true],
    ['b', false],
  ] as const) {
    ledger.emit({ type: 'step.start', step, name: `RUN ${step} hidden-word`, platforms: [platform], at: 1 })
    ledger.emit({ type: 'step.log', step, stream: 'stdout', line: 'says hidden-word', at: 2 })
    ledger.emit({ type: 'step.done', step, cached, at: 3 })
  }
  const error = new XbuildError('RUN_FAILED', 'Cannot run hidden-word')
  ledger.emit({ type: 'job.fail', job, platform, error, at: 3500 })
  ledger.end({ error })
  const run = readRun(store.folder, ledger.id() ?? readRuns(store.folder)[0]!.id)!
  expect(run).toMatchObject({ state: 'failed', error: { code: 'RUN_FAILED', message: 'Cannot run ***' } })
  expect(run.images[0]!.platforms).toEqual([
    {
      image: '',
      platform,
      status: 'failed',
      strategy: 'native',
      node: 'local',
      seconds: 2.5,
      steps: 2,
      cached: 1,
      error: { code: 'RUN_FAILED', message: 'Cannot run ***' },
    },
  ])
  const lines: string[] = []
  for await (const entry of readRunLog(store.folder, run.id)) if (entry.type === 'step.log') lines.push(entry.line)
  expect(lines).toEqual(['says ***', 'says ***'])
})

test('a history that cannot be written is one warning, and no reason to fail', async () => {
  const store = await openStore(tempFolder())
  const root = join(tempFolder(), 'file')
  writeFileSync(root, 'no folder')
  const events: BuildEvent[] = []
  const ledger = ledgerOf(events)
  ledger.open({ ...store, folder: { ...store.folder, root } }, BEGIN)
  ledger.note({ type: 'output', image: '', output: 'x' })
  ledger.emit({ type: 'job.done', job: 'j', platform: 'linux/amd64', digest, at: 1 })
  ledger.end({ session: { images: [] } })
  expect(ledger.id()).toBeUndefined()
  expect(events.filter(({ type }) => type === 'warning')).toMatchObject([
    { message: expect.stringMatching(/^Cannot keep the history of this build: /) },
  ])
})

test('a run that another process works on is not taken over', async () => {
  const store = await openStore(tempFolder())
  const first = ledgerOf()
  first.open(store, BEGIN)
  first.end({ error: new XbuildError('REGISTRY', 'down') })
  const run = readRuns(store.folder)[0]!
  // This process is alive, and so is the one with its mark
  writeFileSync(join(store.folder.root, 'runs', run.id, 'attempt-2'), `${process.ppid}-0-0.`)
  writeFileSync(join(store.folder.leases, `build-${process.ppid}-0-0.-0`), '')
  const second = createLedger({
    emit: () => undefined,
    signal: new AbortController().signal,
    resume: { run, finished: new Map() },
  })
  expect(() => second.open(store, BEGIN)).toThrow(/works on it/)
})

test('maps, bytes and errors outlive JSON', () => {
  const error = new XbuildError('NO_NODE', 'Cannot', { hint: 'Do' })
  const value = { map: new Map([['a', { b: Buffer.from('c') }]]), list: [error], none: null, run: () => 1 }
  const back = decode(JSON.parse(JSON.stringify(encode(value)))) as typeof value
  expect(back.map.get('a')!.b.toString()).toBe('c')
  expect(back.list[0]).toMatchObject({ code: 'NO_NODE', message: 'Cannot', hint: 'Do' })
  expect(back).not.toHaveProperty('run')
})
