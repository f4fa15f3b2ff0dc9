import { Readable } from 'node:stream'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { compact } from '../../compact.ts'
import type { BlobSource, BuiltImage } from '../../content/built-image.ts'
import { readBlob, readManifest } from '../../content/read-blob.ts'
import { makeDocument, type Document } from '../../oci/make-manifest.ts'
import { formatPlatform } from '../../platform.ts'
import type { NodeTest, TestOptions } from '../driver.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { entitlementsOf, frontendAttributes } from './attributes.ts'
import { failureOf } from './failure.ts'
import type { BuildkitFacts } from './facts.ts'
import { Control, type SolveRequestSchema } from './gen/control_pb.ts'
import type { GrpcClient } from './grpc/client.ts'
import type { Link, Links } from './links.ts'
import { namedContextAttributes } from './named-contexts.ts'
import { createProgress } from './progress.ts'
import { solve } from './solve.ts'

export interface TestEdges extends TestOptions {
  readonly build: RemoteBuild
  readonly facts: BuildkitFacts
  readonly links: Links
  readonly endpoint: string
}

/** What the image is called in the Dockerfile of a test. */
const NAME = 'xbuild-tested-image'

/**
 * Runs a command in an image as the only step of a build whose result is not taken; the image is handed over, of which
 * the daemon fetches what it does not have. Throws RUN_FAILED, EMULATOR, NODE.
 */
export async function testByBuild(
  { job, image, argv, emulated }: NodeTest,
  { build, facts, links, endpoint, signal, onLine }: TestEdges,
): Promise<void> {
  const test = testBuild(build, argv)
  // Of its own: a step that another test runs as well is told to both
  const followed = createProgress().follow({
    emit: (event) => (event.type === 'step.log' ? onLine(event.line, event.stream) : undefined),
    platform: formatPlatform(job.target),
    dockerfile: test.dockerfile.shown,
    emulated,
    cut: test.cut,
  })
  let link: Link | undefined
  try {
    link = await links.to(test, signal)
    const { client, session, inputs } = link
    const named = await namedContextAttributes({
      ...{ build: test, facts, signal, platform: job.target, stores: inputs.stores },
      stages: [{ name: NAME, image: await withoutTriggers(image) }],
    })
    const request = {
      Frontend: 'dockerfile.v0',
      FrontendAttrs: { ...frontendAttributes(job, test, { ownImages: false }), ...named },
      Entitlements: entitlementsOf(test.options),
    } as MessageInitShape<typeof SolveRequestSchema>
    await leavingNothing(client, argv, signal, () =>
      solve({ client, session, request, onStatus: followed.take, signal }),
    )
  } catch (error) {
    throw failureOf(link?.ownFailure(error) ?? error, {
      endpoint,
      signal,
      emulated,
      ...compact({ step: followed.failed() }),
    })
  } finally {
    followed.end()
  }
}

/** Steps run as those of the build do, but for its arguments, secrets, contexts and caches. */
function testBuild(build: RemoteBuild, argv: readonly string[]): RemoteBuild {
  const { secrets: _, ssh: __, target: ___, sourceDateEpoch: ____, noCacheFilter: _____, ...options } = build.options
  // A word that begins with << would be a heredoc
  const run = JSON.stringify(argv).replaceAll('<', '\\u003c')
  return {
    ...build,
    options: {
      ...options,
      ...{ buildArgs: {}, proxies: {}, labels: {}, buildContexts: {}, cacheFrom: [], cacheTo: [] },
      ...{ noCache: true, pull: false },
    },
    context: { kind: 'nothing' },
    dockerfile: { text: `FROM ${NAME}\nRUN ${run}\n`, shown: '--test' },
    secret: async () => undefined,
    agent: () => undefined,
  }
}

/** The image as it is when ONBUILD has nothing to say. */
async function withoutTriggers(image: BuiltImage): Promise<BuiltImage> {
  if ((image.config.config?.OnBuild ?? []).length === 0) return image
  const manifest = await readManifest(image)
  const config = JSON.parse((await readBlob(image.blobs, manifest.config)).toString()) as { config?: object }
  const changed = makeDocument(manifest.config.mediaType, { ...config, config: { ...config.config, OnBuild: [] } })
  const root = makeDocument(manifest.mediaType, { ...manifest, config: changed.descriptor })
  const { platform } = image.descriptor
  return {
    ...image,
    descriptor: { ...root.descriptor, ...compact({ platform }) },
    blobs: withDocuments(image.blobs, [changed, root]),
  }
}

function withDocuments(blobs: BlobSource, documents: readonly Document[]): BlobSource {
  const bytesOf = (digest: string) => documents.find(({ descriptor }) => descriptor.digest === digest)?.bytes
  return {
    path: async (descriptor) => (bytesOf(descriptor.digest) ? undefined : blobs.path(descriptor)),
    read: async (descriptor) => {
      const bytes = bytesOf(descriptor.digest)
      return bytes ? Readable.from([bytes], { objectMode: false }) : blobs.read(descriptor)
    },
    origins: (descriptor) => blobs.origins(descriptor),
  }
}

/** Removes from the daemon's cache what a step with these words has left there meanwhile. */
async function leavingNothing<T>(
  client: GrpcClient,
  argv: readonly string[],
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const description = `mount / from exec ${argv.join(' ')}`
  const filter = [`description==${JSON.stringify(description)}`]
  const list = async () => {
    const { record } = await client.unary(Control.method.diskUsage, { filter }, { signal })
    return record.filter(({ Description }) => Description === description).map(({ ID }) => ID)
  }
  const before = await list().catch(() => undefined)
  try {
    return await work()
  } finally {
    // A cache that is too large by one step is no reason to fail
    const after = signal.aborted || !before ? [] : await list().catch(() => [])
    for (const id of after.filter((one) => !before?.includes(one)))
      await prune(client, id, signal).catch(() => undefined)
  }
}

async function prune(client: GrpcClient, id: string, signal: AbortSignal): Promise<void> {
  for await (const _ of client.stream(Control.method.prune, { filter: [`id==${id}`] }, { signal }));
}
