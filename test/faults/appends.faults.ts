import { expect, test } from 'vitest'
import { xbuild } from '../e2e/support/xbuild.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { EIGHT, emptyImage, platformsOf, pushEmpty } from '../support/append-race.ts'
import { startRegistry } from '../support/registry-debian.ts'
import { COUNT } from './support/settings.ts'

test(`eight processes append to one tag at once, ${COUNT.races} times, and every platform is there`, async () => {
  const registry = await startRegistry()
  const client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
  const env = { HOME: tempFolder() }
  try {
    for (let round = 0; round < COUNT.races; round++) {
      const repository = `${registry.host}/race`
      const at = parseReference(repository)
      const legs = await Promise.all(
        EIGHT.map((platform) =>
          pushEmpty(client, { host: at.host, repository: at.repository }, emptyImage(platform, `${round}`)),
        ),
      )
      // One tag for all rounds: later ones replace what is there
      const line = (digest: string) => ['image', 'create', '--append', '-t', `${repository}:1`, digest]
      const ended = await Promise.all(legs.map(({ digest }) => xbuild(line(digest), { env })))
      for (const { code, stderr } of ended) expect(code, stderr).toBe(0)
      expect(await platformsOf(`${repository}:1`), `round ${round}`).toEqual({ platforms: EIGHT, entries: 8 })
      const { bytes } = await client.manifest(parseReference(`${repository}:1`), {
        signal: new AbortController().signal,
      })
      for (const { digest } of legs) expect(bytes.toString(), `round ${round}`).toContain(digest)
    }
  } finally {
    await client.close()
    await registry.stop()
  }
})
