import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { startRegistry } from '../support/registry-debian.ts'
import { KINDS } from './support/attempts.ts'
import { publishesText, runPublishes } from './support/publishes.ts'
import { COUNT, seedOf } from './support/settings.ts'

test(`${COUNT.publishes} publishes through faults end complete, or leave the tags as they were`, async () => {
  const registry = await startRegistry()
  try {
    const { host } = registry
    const report = await runPublishes({
      ...COUNT,
      count: COUNT.publishes,
      seed: seedOf(),
      host,
      folder: tempFolder(),
      kinds: KINDS,
    })
    console.log(publishesText(report))
    expect(report.wrong).toEqual([])
    expect(report.done + report.refused).toBeGreaterThan(COUNT.publishes * 0.8)
  } finally {
    await registry.stop()
  }
})
