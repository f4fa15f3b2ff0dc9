import { afterEach, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { appendToTag } from '../../src/publish/append-tag.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryClient } from '../../src/registry/types.ts'
import { appendRace, EIGHT, emptyImage, platformsOf, pushEmpty } from '../support/append-race.ts'
import { honourConditions } from '../support/conditional-registry.ts'
import { refuse, startTestRegistry, type TestRegistry } from '../support/registry-server.ts'

const { signal } = new AbortController()
let closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.reverse()) await close()
  closing = []
})

async function bench(): Promise<{ registry: TestRegistry; client: RegistryClient }> {
  const registry = await startTestRegistry()
  const client = createRegistryClient({ registries: {}, env: { HOME: '/nonexistent' } })
  closing.push(
    () => registry.stop(),
    () => client.close(),
  )
  return { registry, client }
}

const puts = ({ seen }: TestRegistry, tag: string) =>
  seen.filter(({ method, path }) => method === 'PUT' && path.endsWith(`/manifests/${tag}`))

test('eight at once: every platform is there, on a registry that honours conditions, without a wait', async () => {
  const { registry } = await bench()
  registry.intercepts.push(honourConditions(registry))
  const name = `${registry.host}/app:1`
  // It would not end within the time of a test if it waited
  await appendRace(name, { settle: 3_600_000 })
  expect(await platformsOf(name)).toEqual({ platforms: EIGHT, entries: 8 })
})

test('eight at once: every platform is there on a registry where the last one wins', async () => {
  const { registry } = await bench()
  const name = `${registry.host}/app:1`
  const appended = await appendRace(name, { settle: 1000 })
  expect(await platformsOf(name)).toEqual({ platforms: EIGHT, entries: 8 })
  expect(Math.max(...appended.map(({ writes }) => writes))).toBeGreaterThan(1)
})

test('an image that is alone under the tag gets its place by its config', async () => {
  const { registry, client } = await bench()
  const tag = parseReference(`${registry.host}/app:1`)
  const at = { host: tag.host, repository: tag.repository }
  const alone = await pushEmpty(client, tag, emptyImage('linux/arm64'))
  const entry = await pushEmpty(client, at, emptyImage('linux/amd64'))
  const options = { registry: client, emit: () => {}, signal, settle: 10 }
  const { before, digest } = await appendToTag(tag, [entry], options)
  expect(before).toBe(alone.digest)
  expect(await platformsOf(`${registry.host}/app:1`)).toEqual({ platforms: ['linux/amd64', 'linux/arm64'], entries: 2 })
  const anew = await pushEmpty(client, at, emptyImage('linux/arm64', 'anew'))
  expect((await appendToTag(tag, [anew], options)).before).toBe(digest)
  const { bytes } = await client.manifest(tag, { signal })
  expect(JSON.parse(bytes.toString()).manifests.map((one: { digest: string }) => one.digest)).toEqual([
    anew.digest,
    entry.digest,
  ])
})

test('entries that are there are not written again', async () => {
  const { registry, client } = await bench()
  const tag = parseReference(`${registry.host}/app:1`)
  const entry = await pushEmpty(client, { host: tag.host, repository: 'app' }, emptyImage('linux/amd64'))
  const options = { registry: client, emit: () => {}, signal, settle: 10 }
  await appendToTag(tag, [entry], options)
  expect((await appendToTag(tag, [entry], options)).writes).toBe(0)
  expect(puts(registry, '1')).toHaveLength(1)
})

test('a write that the registry refuses is made again of what the tag is then', async () => {
  const { registry, client } = await bench()
  const tag = parseReference(`${registry.host}/app:1`)
  const at = { host: tag.host, repository: tag.repository }
  const other = await pushEmpty(client, at, emptyImage('linux/arm64'))
  const entry = await pushEmpty(client, at, emptyImage('linux/amd64'))
  const options = { registry: client, emit: () => {}, signal, settle: 10 }
  let fails = 2
  registry.intercepts.push(async (request, response, { method, path }) => {
    if (method !== 'PUT' || !path.endsWith('/manifests/1') || fails-- <= 0) return false
    request.resume()
    refuse(response, 502, 'UNAVAILABLE', 'try again')
    if (fails === 0) setImmediate(() => void appendToTag(tag, [other], options).catch(() => undefined))
    return true
  })
  await appendToTag(tag, [entry], { ...options, settle: 1000 })
  expect((await platformsOf(`${registry.host}/app:1`)).platforms).toEqual(['linux/amd64', 'linux/arm64'])
})

test('a tag that cannot be read is not appended to', async () => {
  const { registry, client } = await bench()
  const tag = parseReference(`${registry.host}/app:1`)
  const entry = await pushEmpty(client, { host: tag.host, repository: 'app' }, emptyImage('linux/amd64'))
  registry.intercepts.push((_request, response, { method, path }) => {
    if (method !== 'GET' || !path.endsWith('/manifests/1')) return false
    refuse(response, 403, 'DENIED', 'requested access to the resource is denied')
    return true
  })
  const appending = appendToTag(tag, [entry], { registry: client, emit: () => {}, signal, settle: 10 })
  await expect(appending).rejects.toMatchObject({ code: 'AUTH' })
  expect(puts(registry, '1')).toEqual([])
})

test('somebody else who appends the same platform later is left alone, and said', async () => {
  const { registry, client } = await bench()
  const tag = parseReference(`${registry.host}/app:1`)
  const at = { host: tag.host, repository: tag.repository }
  const mine = await pushEmpty(client, at, emptyImage('linux/amd64', 'mine'))
  const theirs = await pushEmpty(client, at, emptyImage('linux/amd64', 'theirs'))
  const options = { registry: client, emit: () => {}, signal, settle: 10 }
  const said: string[] = []
  let appended: ReturnType<typeof appendToTag> | undefined
  await appendToTag(tag, [mine], {
    ...options,
    registry: {
      ...client,
      // What is read after it was written is read when the other one is done
      async manifest(...args) {
        if (puts(registry, '1').length > 0) await (appended ??= appendToTag(tag, [theirs], options))
        return client.manifest(...args)
      },
    },
    emit: (event) => void (event.type === 'warning' && said.push(event.message)),
  })
  const second = await appended!
  expect(said).toContainEqual(expect.stringContaining('another image of the same platform'))
  const { bytes } = await client.manifest(tag, { signal })
  expect(second.digest).toBe(sha256(bytes))
  expect(JSON.parse(bytes.toString()).manifests).toMatchObject([{ digest: theirs.digest }])
})
