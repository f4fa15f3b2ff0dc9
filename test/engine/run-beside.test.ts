import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runBeside } from '../../src/engine/run-beside.ts'
import type { RunParams } from '../../src/engine/protocol.ts'
import { openStore } from '../../src/store/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const COMMAND = { argv: ['/go'], cwd: '/work', env: [], files: [], output: '/made', lowers: ['layer'] }

/** A worker whose programs do what the test says. */
async function beside(run: (params: RunParams, folder: string, signal: AbortSignal) => Promise<void>) {
  const store = await openStore(tempFolder())
  const removed: string[] = []
  const call = async (what: string, params: RunParams & { ids: string[] }, { signal }: { signal: AbortSignal }) => {
    if (what === 'remove') removed.push(...params.ids)
    else await run(params, join(store.folder.snapshots, params.id), signal)
  }
  const edges = {
    store,
    workers: { native: () => Promise.resolve({ call }) },
    runtime: () => Promise.resolve({ path: '/runc', seccomp: undefined, devices: false }),
  } as unknown as Parameters<typeof runBeside>[1]['edges']
  return { edges, removed }
}

test('a program beside a step gets what the step may use, no network, and leaves nothing but its file', async () => {
  let seen: RunParams | undefined
  const { edges, removed } = await beside((params, folder) => {
    seen = params
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'made'), 'bytes')
    return Promise.resolve()
  })
  const resources = { memory: 50_000_000, cpuQuota: 10_000 }
  const made = await runBeside(COMMAND, { edges, resources, signal: new AbortController().signal })
  expect(made.toString()).toBe('bytes')
  expect(seen).toMatchObject({ resources, network: 'none', mounts: [] })
  expect(removed).toEqual([seen!.id])
})

test('a program beside a step that does not end is stopped, and there is none', async () => {
  const { edges, removed } = await beside(
    (_, folder, signal) =>
      new Promise((_resolve, reject) => {
        mkdirSync(folder, { recursive: true })
        signal.addEventListener('abort', () => reject(new Error('stopped')))
      }),
  )
  const run = runBeside(COMMAND, { edges, limit: 20, signal: new AbortController().signal })
  await expect(run).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringMatching(/did not end/) as string,
  })
  expect(removed).toHaveLength(1)
})
