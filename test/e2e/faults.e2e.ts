import { expect, test } from 'vitest'
import { KINDS } from '../faults/support/attempts.ts'
import { publishesText, runPublishes } from '../faults/support/publishes.ts'
import { startRegistry } from '../support/registry-debian.ts'
import { tempFolder } from './support/places.ts'

const folder = tempFolder()

test('100 publishes through faults end complete, or leave the tags as they were', async () => {
  const registry = await startRegistry()
  try {
    const { host } = registry
    // Whole builds, which take most of the time, are in the tests of faults
    const kinds = KINDS.filter((kind) => kind !== 'build')
    const report = await runPublishes({ count: 100, lanes: 20, seed: 20260404, host, folder, kinds })
    expect(report.wrong, publishesText(report)).toEqual([])
    expect(report.done + report.refused, publishesText(report)).toBeGreaterThan(50)
  } finally {
    await registry.stop()
  }
})
