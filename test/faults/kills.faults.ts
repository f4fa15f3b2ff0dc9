import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { startXbuild, xbuild } from '../e2e/support/xbuild.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { registryReader } from '../support/published-state.ts'
import { startRegistry } from '../support/registry-debian.ts'
import { seededBy } from '../support/seeded.ts'
import { COUNT, seedOf } from './support/settings.ts'

const TAGS = ['1', '2']

test(`a publish that is killed at ${COUNT.kills} moments is complete or changes nothing, and resume ends it`, async () => {
  const folder = tempFolder()
  const seed = seedOf()
  const registry = await startRegistry()
  let onRequest = (): void => {}
  const proxy = await startFaultProxy(registry.host, { seed, rate: () => 0, stall: 0, onRequest: () => onRequest() })
  const reader = registryReader(registry.host)
  const context = join(folder, 'context')
  await mkdir(context)
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY file /file\n')
  const how = { store: join(folder, 'store'), env: { HOME: folder } }
  const tags = TAGS.flatMap((tag) => ['-t', `${proxy.host}/killed:${tag}`])
  const line = ['--progress=none', '--platform', 'linux/amd64,linux/arm64', ...tags, '--push', context]
  const counts = { killed: 0, ended: 0, moved: 0 }
  let seen = 0
  try {
    // What a push asks for and is answered: each of these moments may be the last one
    await writeFile(join(context, 'file'), 'not killed')
    onRequest = () => void seen++
    const whole = await xbuild(line, how)
    expect(whole.code, whole.stderr).toBe(0)
    const moments = seen
    for (let round = 0; round < COUNT.kills; round++) {
      await writeFile(join(context, 'file'), `round ${round}`)
      const before = await Promise.all(TAGS.map((tag) => reader.tag('killed', tag)))
      const running = startXbuild(line, how)
      const last = 1 + Math.floor(seededBy(seed, `kill ${round}`)() * moments)
      seen = 0
      onRequest = () => {
        if (++seen === last) running.child.kill('SIGKILL')
      }
      const { code } = await running.ended
      onRequest = () => {}
      counts[code === 137 ? 'killed' : 'ended']++
      for (const [at, tag] of TAGS.entries()) {
        const now = await reader.tag('killed', tag)
        if (now === before[at]) continue
        counts.moved++
        expect(await reader.problems('killed', tag), `round ${round}`).toEqual([])
      }
      const resumed = await xbuild(['resume'], how)
      expect(resumed.code, resumed.stderr).toBe(0)
      const [one, two] = await Promise.all(TAGS.map((tag) => reader.tag('killed', tag)))
      expect(one, `round ${round}`).toBe(two)
      expect(one, `round ${round}`).not.toBe(before[0])
      expect(await reader.problems('killed', '1'), `round ${round}`).toEqual([])
    }
    console.log(
      `${counts.killed} killed, ${counts.ended} ended before; ${counts.moved} tags had moved; ${moments} moments`,
    )
    expect(counts.moved).toBeGreaterThan(0)
  } finally {
    await proxy.stop()
    await registry.stop()
  }
})
