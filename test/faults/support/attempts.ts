import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { XbuildError } from '../../../src/errors.ts'
import { copyImage } from '../../../src/image/copy.ts'
import { createImage } from '../../../src/image/create.ts'
import { type ImageRegistry, registrySource } from '../../../src/image/registry-source.ts'
import { registryTarget } from '../../../src/image/registry-target.ts'
import type { Digest } from '../../../src/oci/descriptor.ts'
import { parseReference } from '../../../src/oci/reference.ts'
import type { PlatformImage } from '../../../src/publish/image-set.ts'
import { moveAllTags } from '../../../src/publish/move-tags.ts'
import { publish } from '../../../src/publish/publish.ts'
import { connect } from '../../../src/registry/connect.ts'
import { systemClock } from '../../../src/registry/retry.ts'
import { xbuild } from '../../e2e/support/xbuild.ts'
import { smallImage } from '../../support/images.ts'
import { publishOptions } from '../../support/publish-options.ts'
import { pushImages } from '../../support/registry-images.ts'

/** How something is published, as often as it stands here; `drop` would take a platform from a tag. */
export const KINDS = ['push', 'push', 'push', 'push', 'drop', 'create', 'create', 'copy', 'copy', 'build'] as const

/** One of them. */
export type Kind = (typeof KINDS)[number]

/** The tags of each repository. */
export const TAGS = ['1', '2'] as const
const PLATFORMS = ['linux/amd64', 'linux/arm64'] as const

/** A series of publishes, one after the other. */
export interface Lane {
  readonly name: string
  /** The registry, and the proxy before it. */
  readonly host: string
  readonly proxy: string
  readonly folder: string
}

/** What is published where. */
export interface Wanted {
  readonly index: number
  readonly repository: string
  /** What the tags are now. */
  readonly before: readonly (string | undefined)[]
}

/** What a publish says that it came to. */
export interface Attempt {
  /** Absent: it succeeded. */
  readonly code: string | undefined
  readonly message?: string
  /** What the tags were to name; absent where it is known only at the end. */
  readonly digest: string | undefined
  readonly tags: readonly { readonly ref: string; readonly state: string }[]
}

const { signal } = new AbortController()
const emit = () => {}

/** Pauses are a quarter as long: there are many. */
const QUICK = { ...systemClock, sleep: (milliseconds: number) => delay(milliseconds / 4) }

/** Publishes once, through the proxy. */
export async function attempt(kind: Kind, wanted: Wanted, lane: Lane): Promise<Attempt> {
  const registry = connect({ registries: {}, env: { HOME: lane.folder }, idleTimeout: 1500, clock: QUICK })
  let expected: string | undefined
  try {
    const digest = await WAYS[kind](wanted, { ...lane, registry, expect: (one) => (expected = one) })
    return { code: undefined, digest, tags: [] }
  } catch (error) {
    if (!(error instanceof XbuildError)) return { code: 'UNKNOWN', message: String(error), digest: expected, tags: [] }
    return { code: error.code, message: error.message, digest: expected, tags: error.tags ?? [] }
  } finally {
    await registry.close()
  }
}

interface Edges extends Lane {
  readonly registry: ImageRegistry
  readonly expect: (digest: string) => void
}

const WAYS: Readonly<Record<Kind, (wanted: Wanted, edges: Edges) => Promise<string>>> = {
  push: (wanted, edges) => push(wanted, PLATFORMS, edges),
  // The first of a lane has nothing to take away
  drop: (wanted, edges) =>
    push(wanted, wanted.before.every((digest) => digest !== undefined) ? PLATFORMS.slice(0, 1) : PLATFORMS, edges),
  create,
  copy,
  build,
}

/** What builds do when all is built. */
async function push(
  { index, repository, before }: Wanted,
  platforms: readonly string[],
  { proxy, folder, registry, expect }: Edges,
): Promise<string> {
  const images = await imagesOf(index, platforms, folder)
  const names = TAGS.map((tag) => `${proxy}/${repository}:${tag}`)
  const states = new Map(names.map((name, at) => [name, (before[at] ?? 'absent') as Digest | 'absent']))
  const published = await publish(
    publishOptions(images, {
      outputs: [{ type: 'registry' }],
      tags: names.map(parseReference),
      registry: async () => registry,
      moveTags: (moves, client) => {
        expect(moves[0]!.set.root.descriptor.digest)
        const before = async (name: string) => states.get(name)!
        return moveAllTags(moves.map((move) => ({ ...client, before, ...move })))
      },
    }),
  )
  return published.digest
}

/** Small images with a layer that all of a lane have; something is said of some. */
function imagesOf(index: number, platforms: readonly string[], folder: string): Promise<PlatformImage[]> {
  return Promise.all(
    platforms.map(async (platform) => ({
      ...(await smallImage(join(folder, 'content'), platform, {
        below: [{ path: 'shared', data: 'the same '.repeat(3000) }],
        files: [{ path: 'publish', data: `${index} for ${platform}\n` }],
      })),
      ...(index % 4 === 0
        ? { attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', predicate: { of: platform } }] }
        : {}),
    })),
  )
}

/** `xbuild image create` of two legs that are there by digest. */
async function create(
  { index, repository }: Wanted,
  { host, proxy, folder, registry, expect }: Edges,
): Promise<string> {
  const legs: string[] = []
  for (const platform of PLATFORMS) {
    const files = [{ path: 'leg', data: `${index} for ${platform}` }]
    const made = { folder: join(folder, 'content'), untagged: true }
    const { root } = await pushImages(`${host}/${repository}`, [{ platform, files, attested: index % 2 === 0 }], made)
    legs.push(root.descriptor.digest)
  }
  const from = (at: string) =>
    legs.map((digest) => ({
      source: registrySource(parseReference(`${at}/${repository}@${digest}`), registry, { direct: true }),
    }))
  const tags = TAGS.map((tag) => parseReference(`${proxy}/${repository}:${tag}`))
  const common = {
    platforms: [],
    annotations: [],
    preferIndex: true,
    duplicates: false,
    append: false,
    force: false,
    allowPlatformDrop: false,
    registry,
  }
  const how = { ...common, tags, emit, signal }
  expect((await createImage({ ...how, sources: from(host), dryRun: true })).root.descriptor.digest)
  return (await createImage({ ...how, sources: from(proxy), dryRun: false })).root.descriptor.digest
}

/** `xbuild image copy` to one tag after the other. */
async function copy(
  { index, repository }: Wanted,
  { host, proxy, name, folder, registry, expect }: Edges,
): Promise<string> {
  const files = [{ path: 'copied', data: `${index}` }]
  const wanted = PLATFORMS.map((platform) => ({ platform, files, attested: index % 2 === 0 }))
  const source = `${name}/source`
  const made = { folder: join(folder, 'content'), untagged: true }
  const { digest } = (await pushImages(`${host}/${source}`, wanted, made)).root.descriptor
  expect(digest)
  for (const tag of TAGS)
    await copyImage({
      source: registrySource(parseReference(`${proxy}/${source}@${digest}`), registry, { direct: true }),
      target: registryTarget(parseReference(`${proxy}/${repository}:${tag}`), registry, emit),
      referrers: true,
      emit,
      signal,
    })
  return digest
}

/** A whole build, by the program. */
async function build({ index, repository }: Wanted, { proxy, folder }: Edges): Promise<string> {
  const context = join(folder, 'context')
  await mkdir(context, { recursive: true })
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY file /file\n')
  await writeFile(join(context, 'file'), `${index}`)
  const tags = TAGS.flatMap((tag) => ['-t', `${proxy}/${repository}:${tag}`])
  const args = ['--progress=none', '--platform', PLATFORMS.join(), ...tags, '--push', context]
  const { code, stdout, stderr } = await xbuild(args, { store: join(folder, 'store'), env: { HOME: folder } })
  if (code !== 0) throw new XbuildError(/bug in xbuild/.test(stderr) ? 'INTERNAL' : 'REGISTRY', stderr)
  return stdout.trim()
}
