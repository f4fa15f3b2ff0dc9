import { resolve } from 'node:path'
import { XbuildError } from '../../errors.ts'
import type { NamedContext } from '../../config/options.ts'
import { showRemote } from '../../dockerfile/remote.ts'
import { isIndexType } from '../../oci/media-type.ts'
import { parseIndex, parseManifest } from '../../oci/read-manifest.ts'
import { selectPlatform, availablePlatforms } from '../../oci/select-platform.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import type { BuiltStage } from '../../content/built-image.ts'
import { layoutOrigin } from '../../content/layout-origin.ts'
import type { RemoteBuild } from '../remote-build.ts'
import { ABILITY, type BuildkitFacts } from './facts.ts'
import { TREE } from './inputs.ts'
import { imageContents, layoutContents, type Contents } from './session/contents.ts'
import { reachableContents } from './session/reachable.ts'

/** Nothing is there: a step that reads it all the same, like an ONBUILD of a base, fails instead of taking another image. */
const UNREAD = 'docker-image://xbuild.invalid/unread:latest'

export interface NamedContextOptions {
  readonly build: RemoteBuild
  readonly facts: BuildkitFacts
  readonly platform: Platform
  /** Stages that were built already; they are handed over where the daemon takes them. */
  readonly stages: readonly BuiltStage[]
  readonly signal: AbortSignal
  /** Content stores of the session. */
  readonly stores: Map<string, Contents>
}

/**
 * What the frontend is told of named contexts, which it takes for base images and stages of the same name. Throws
 * UNSUPPORTED, NOT_FOUND.
 */
export async function namedContextAttributes(options: NamedContextOptions): Promise<Record<string, string>> {
  const { build, facts } = options
  const attributes: Record<string, string> = {}
  for (const [name, context] of Object.entries(build.options.buildContexts)) {
    if (context.kind === 'target') {
      // What another image of the session is comes with the stages that are handed over
      if (isUnread(name, build, facts)) attributes[`context:${name}`] = UNREAD
      else requireHandedOver(name, context, options)
    } else attributes[`context:${name}`] = await addressOf(name, context, options)
  }
  const taken = facts.abilities.has(ABILITY.layouts) ? options.stages : []
  for (const stage of taken) attributes[`context:${stage.name}`] = await stageAddress(stage, options)
  return Object.keys(attributes).length === 0
    ? {}
    : { ...attributes, 'frontend.caps': 'moby.buildkit.frontend.contexts+forward' }
}

function requireHandedOver(
  name: string,
  { image }: Extract<NamedContext, { kind: 'target' }>,
  { stages, facts }: NamedContextOptions,
): void {
  if (stages.some((stage) => stage.name === name) && facts.abilities.has(ABILITY.layouts)) return
  throw new XbuildError('UNSUPPORTED', `Cannot use "target:${image}" as the context "${name}": it was not handed over`)
}

/** Whether no stage reads the context where the daemon is; of what another frontend reads nothing is known. */
function isUnread(name: string, { dockerfile, graphFor }: RemoteBuild, { platforms }: BuildkitFacts): boolean {
  const parsed = dockerfile.frontend || !platforms[0] ? undefined : graphFor?.(platforms[0])
  if (!parsed) return false
  const sources = parsed.graph.stages.flatMap((stage) => [stage.base, ...Object.values(stage.froms)])
  return sources.every((source) => source.kind !== 'context' || source.name !== name)
}

async function addressOf(
  name: string,
  context: Exclude<NamedContext, { kind: 'target' }>,
  { build, platform, stores, signal }: NamedContextOptions,
): Promise<string> {
  switch (context.kind) {
    case 'image':
      return `docker-image://${context.ref}`
    case 'dir':
      return `local:${TREE.named}${name}`
    case 'remote':
      return remoteAddress(context.remote)
    case 'oci-layout': {
      const path = resolve(build.options.cwd, context.path)
      const { descriptor, bytes } = await layoutOrigin(path, context.ref).root(signal)
      let { digest } = descriptor
      // A list that is the layout itself is no blob of it
      if (isIndexType(descriptor.mediaType) && (await layoutContents(path).size(digest)) === undefined) {
        const index = parseIndex(bytes, descriptor)
        const found = selectPlatform(index, platform)
        if (!found) {
          const platforms = availablePlatforms(index)
          throw new XbuildError(
            'NO_PLATFORM',
            `Cannot use "oci-layout://${context.path}" for ${formatPlatform(platform)}: it has ${platforms.join(', ')} only`,
            { facts: { platforms } },
          )
        }
        digest = found.digest
      }
      return layoutAddress(stores, digest, await reachableContents(layoutContents(path), digest))
    }
  }
}

function remoteAddress(remote: Extract<NamedContext, { kind: 'remote' }>['remote']): string {
  if (remote.kind === 'http') return remote.url
  // A commit id says more than the name of a branch that is to be there
  const commit = remote.checksum?.length === 40 ? remote.checksum : undefined
  if (remote.checksum !== undefined && !commit) {
    throw new XbuildError(
      'UNSUPPORTED',
      `Cannot check "${showRemote(remote)}" against the commit "${remote.checksum}" with BuildKit: the id is abbreviated`,
      { hint: 'Write all 40 digits' },
    )
  }
  const at = [commit ?? remote.ref ?? '', ...(remote.subdir === undefined ? [] : [remote.subdir])].join(':')
  return at === '' ? remote.url : `${remote.url}#${at}`
}

async function stageAddress({ image }: BuiltStage, { stores }: NamedContextOptions): Promise<string> {
  const { descriptor, blobs } = image
  const chunks: Uint8Array[] = []
  for await (const chunk of (await blobs.read(descriptor)) as AsyncIterable<Uint8Array>) chunks.push(chunk)
  const manifest = parseManifest(Buffer.concat(chunks), descriptor)
  return layoutAddress(
    stores,
    descriptor.digest,
    imageContents([descriptor, manifest.config, ...manifest.layers], blobs),
  )
}

/** Puts an image among the content of a session; gives the address by which a frontend finds it. */
export function layoutAddress(stores: Map<string, Contents>, digest: string, contents: Contents): string {
  const name = `layout${digest.slice(digest.indexOf(':') + 1, 40)}`
  stores.set(`oci:${name}`, contents)
  return `oci-layout://${name}@${digest}`
}
