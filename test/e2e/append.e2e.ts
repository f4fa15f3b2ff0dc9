import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendRace, EIGHT, platformsOf } from '../support/append-race.ts'
import { type DebianRegistry, startRegistry } from '../support/registry-debian.ts'

let registry: DebianRegistry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry?.stop())

test('eight append to one tag at once, and every platform is there', async () => {
  for (const mark of ['first', 'second', 'third']) {
    const name = `${registry.host}/app:race`
    await appendRace(name, { mark })
    expect(await platformsOf(name), mark).toEqual({ platforms: EIGHT, entries: 8 })
  }
})
