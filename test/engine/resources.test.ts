import { expect, test } from 'vitest'
import { resourceLimits } from '../../src/engine/worker/resources.ts'

test('a step that names no limit has one of processes, where the kernel counts them', () => {
  expect(resourceLimits({}, ['pids'])).toMatchObject({ pids: { limit: 32_768 } })
  expect(resourceLimits({}, ['cpu'])).not.toHaveProperty('pids')
  expect(resourceLimits({}, ['pids'])).not.toHaveProperty('memory')
  expect(resourceLimits({}, ['pids'])).not.toHaveProperty('cpu')
})

test('the limits that are named are those of the control group', () => {
  expect(resourceLimits({ memory: 1 << 25, cpusetCpus: '0-1', pids: 5 }, ['pids'])).toMatchObject({
    memory: { limit: 1 << 25 },
    cpu: { cpus: '0-1' },
    pids: { limit: 5 },
  })
})
