import { describe, expect, onTestFinished, test } from 'vitest'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { bench, collect, failureOf, loggedIn, manifestOf, randomBlob } from '../support/registry-bench.ts'
import { type TestRegistry, startTestRegistry } from '../support/registry-server.ts'

const { signal } = new AbortController()
const held = manifestOf({ manifests: [] })

describe('pulls', () => {
  test('ask the mirror and leave the registry alone', async () => {
    const { registry, client, mirror, said } = await mirrored()
    hold(mirror)
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(registry.seen).toEqual([])
    expect(said).toEqual([])
  })

  test('go on with the registry when the mirror does not have it, and say so', async () => {
    const { registry, client, mirror, said } = await mirrored()
    hold(registry)
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    const why = `${mirror.host} answered 404 MANIFEST_UNKNOWN: manifest unknown`
    expect(said).toEqual([`Cannot pull "${registry.host}/app:1": ${why}; trying ${registry.host}`])
  })

  test('go on when the mirror is gone, broken or lies', async () => {
    const { registry, client, mirror, said } = await mirrored()
    hold(registry)
    const ref = parseReference(`${registry.host}/app:1`)
    const wrongs = [
      (response: Response) => void response.destroy(),
      (response: Response) => void response.writeHead(500).end(),
      (response: Response) => void response.writeHead(200, { 'content-type': MEDIA_TYPE.index }).end('{"lie":true}'),
    ]
    for (const wrong of wrongs) {
      mirror.intercepts.splice(0, 1, (_request, response) => (wrong(response), true))
      expect((await client.manifest({ ...ref, digest: held.descriptor.digest }, { signal })).descriptor).toEqual(
        held.descriptor,
      )
    }
    await mirror.stop()
    await client.manifest(ref, { signal })
    expect(said.filter((line) => /; trying (?!again)/.test(line))).toHaveLength(4)
    // A mirror gets one more try for a stumble and none when it cannot be reached
    expect(said.filter((line) => line.includes('trying again'))).toHaveLength(2)
  })

  test('of a blob that breaks in the mirror are finished from the registry', async () => {
    const { registry, client, mirror } = await mirrored()
    const blob = randomBlob(500_000)
    registry.blobs.set(`app@${blob.descriptor.digest}`, blob.bytes)
    mirror.intercepts.push((request, response) => {
      if (request.headers.range) return false
      response.writeHead(200, { 'content-length': 500_000 })
      response.write(blob.bytes.subarray(0, 100_000), () => response.destroy())
      return true
    })
    const stream = await client.blob(parseReference(`${registry.host}/app`), blob.descriptor, { signal })
    expect((await collect(stream)).equals(blob.bytes)).toBe(true)
    expect(registry.seen[0]?.headers.range).toMatch(/^bytes=[1-9]/)
  })

  test('that are direct pass the mirror by', async () => {
    const { registry, client, mirror } = await mirrored()
    hold(mirror)
    const ref = parseReference(`${registry.host}/app:1`)
    expect((await failureOf(client.manifest(ref, { signal, direct: true }))).code).toBe('NOT_FOUND')
    expect(mirror.seen).toEqual([])
  })

  test('end with the error of the registry itself', async () => {
    const { registry, client } = await mirrored()
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error.message).toContain(`${registry.host} answered 404`)
  })

  test('give the mirror its own credentials only', async () => {
    const { registry, client, mirror } = await mirrored((host) => loggedIn(host))
    hold(registry)
    mirror.intercepts.push((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      return true
    })
    await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(mirror.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

test('pushes and their questions go to the registry', async () => {
  const { registry, client, mirror } = await mirrored()
  const blob = randomBlob(100)
  const ref = parseReference(`${registry.host}/app:1`)
  expect(await client.pushBlob(ref, blob.descriptor, { signal, open: blob.open })).toBe('uploaded')
  expect(await client.hasBlob(ref, blob.descriptor, { signal })).toBe(true)
  await client.pushManifest(ref, held, { signal })
  expect(mirror.seen).toEqual([])
})

type Response = Parameters<TestRegistry['intercepts'][number]>[1]

function hold(registry: TestRegistry): void {
  for (const name of ['1', held.descriptor.digest])
    registry.manifests.set(`app:${name}`, { type: MEDIA_TYPE.index, bytes: held.bytes })
}

async function mirrored(env: (host: string) => Record<string, string> = () => ({ HOME: '/nonexistent' })) {
  const mirror = await startTestRegistry()
  let stopped = false
  const stop = async () => {
    if (!stopped) await mirror.stop()
    stopped = true
  }
  onTestFinished(stop)
  const made = await bench((host) => ({ registries: { [host]: { mirrors: [mirror.host] } }, env: env(host) }))
  return { ...made, mirror: { ...mirror, stop } }
}
