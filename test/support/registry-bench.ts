import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { type Descriptor, MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import type { RegistryClient, RegistryClientOptions, RemoteManifest } from '../../src/registry/types.ts'
import { type TestRegistry, startTestRegistry } from './registry-server.ts'

/** A registry and a client for one test; both end with it. Pauses take no time and are written down. */
export interface Bench {
  readonly registry: TestRegistry
  readonly client: RegistryClient
  readonly said: string[]
  readonly pauses: number[]
  readonly clock: { time: number }
}

export async function bench(options: (host: string) => Partial<RegistryClientOptions> = () => ({})): Promise<Bench> {
  const registry = await startTestRegistry()
  const said: string[] = []
  const pauses: number[] = []
  const clock = { time: 1_000_000 }
  const client = createRegistryClient({
    registries: {},
    env: { HOME: '/nonexistent' },
    onRetry: (message) => said.push(message),
    clock: {
      now: () => clock.time,
      random: () => 0.5,
      sleep: async (milliseconds) => void pauses.push(milliseconds),
    },
    ...options(registry.host),
  })
  onTestFinished(async () => {
    await client.close()
    await registry.stop()
  })
  return { registry, client, said, pauses, clock }
}

/** A blob of random bytes with its descriptor. */
export function randomBlob(size: number): { bytes: Buffer; descriptor: Descriptor; open: () => Readable } {
  const bytes = randomBytes(size)
  const descriptor = { mediaType: MEDIA_TYPE.layer, digest: sha256(bytes), size }
  return { bytes, descriptor, open: () => Readable.from(slices(bytes), { objectMode: false }) }
}

/** A manifest of these fields as a registry would hold it. */
export function manifestOf(fields: object, mediaType: string = MEDIA_TYPE.index): RemoteManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes }
}

export async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The `XbuildError` that a promise ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<XbuildError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof XbuildError) return error
    throw error
  }
  throw new Error('It did not fail')
}

/** An environment in which `docker login HOST` was done as user:secret for these hosts, and nothing else. */
export function loggedIn(...hosts: string[]): Record<string, string> {
  const auth = Buffer.from('user:secret').toString('base64')
  return {
    HOME: '/nonexistent',
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth }])) }),
  }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}
