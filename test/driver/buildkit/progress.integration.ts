import { expect, test } from 'vitest'
import type { StatusResponse } from '../../../src/driver/buildkit/gen/control_pb.ts'
import { createProgress } from '../../../src/driver/buildkit/progress.ts'
import type { BuildEvent } from '../../../src/events.ts'

test('a node that tells of steps, transfers and warnings without end is not heard for ever', () => {
  const events: BuildEvent[] = []
  const emit = (event: BuildEvent) => void events.push(event)
  const build = createProgress().follow({ emit, platform: 'linux/amd64', dockerfile: 'Dockerfile', emulated: false })
  const take = (told: object) =>
    build.take({ vertexes: [], statuses: [], logs: [], warnings: [], ...told } as unknown as StatusResponse)
  const at = { seconds: 1n, nanos: 0 }
  const many = Array.from({ length: 30_000 }, (_, number) => number)
  take({
    vertexes: many.map((number) => ({ digest: `s${number}`, name: `RUN ${number}`, started: at, error: '' })),
    statuses: many.map((number) => ({ vertex: 's0', ID: `t${number}`, current: 1n, total: 2n, timestamp: at })),
    warnings: many.map(() => ({ short: Buffer.from('w'), detail: [], url: '', ranges: [] })),
  })
  const count = (type: BuildEvent['type']) => events.filter((event) => event.type === type).length
  expect([count('step.start'), count('transfer'), count('warning')]).toEqual([20_000, 20_000, 1_000])
  take({ vertexes: [{ digest: 's5', name: 'RUN 5', started: at, error: 'no' }] })
  expect(build.failed()).toMatchObject({ name: 'RUN 5', error: 'no' })
  build.end()
})
