import { expect, test } from 'vitest'
import { resourceLimits } from '../../src/engine/worker/resources.ts'

test('a step that names no limit has one of processes, where the kernel counts them', () => {
  expect(resourceLimits({}, ['pids'], 99)).toMatchObject({ pids: { limit: 99 } })
  expect(resourceLimits({}, ['cpu'], 99)).not.toHaveProperty('pids')
  expect(resourceLimits({}, ['pids'], 99)).not.toHaveProperty('memory')
  expect(resourceLimits({}, ['pids'], 99)).not.toHaveProperty('cpu')
})

test('the limits that are named are those of the control group', () => {
  expect(resourceLimits({ memory: 1 << 25, cpusetCpus: '0-1', pids: 5 }, ['pids'], 99)).toMatchObject({
    memory: { limit: 1 << 25 },
    cpu: { cpus: '0-1' },
    pids: { limit: 5 },
  })
})
