import { resolve } from 'node:path'
import type { CompleteOptions, NamedContext } from '../config/options.ts'
import { folderFiles } from '../content/layout-files.ts'
import { originOfFiles } from '../content/layout-origin.ts'
import { parseDockerfile } from '../dockerfile/parse.ts'
import type { StageSource } from '../dockerfile/types.ts'
import { XbuildError } from '../errors.ts'
import { isAttestation } from '../oci/attestation.ts'
import { fromDescriptorPlatform, type Descriptor } from '../oci/descriptor.ts'
import { isIndexType } from '../oci/media-type.ts'
import { parseIndex } from '../oci/read-manifest.ts'
import { parseReference } from '../oci/reference.ts'
import {
  ALL_PLATFORMS,
  distinctPlatforms,
  formatPlatform,
  isAllPlatforms,
  normalizePlatform,
  platformOfNodeArch,
  samePlatform,
  type Platform,
} from '../platform.ts'
import { readTag } from '../publish/present-tag.ts'
import { checkAgain } from './check-requests.ts'
import { openSession, type Session } from './open.ts'
import { check, graphOf } from './requests.ts'
import type { SessionRequest } from './types.ts'

/** More than any image has; each is planned and built. */
const MOST = 100

type OpenEdges = Parameters<typeof openSession>[1]

/**
 * Opens a session in which every image has its platforms: `--platform all` is what all base images of its Dockerfile
 * have. Throws BAD_PLATFORM where no base image says what that is, or where they have none in common.
 */
export async function openWithPlatforms(asked: readonly SessionRequest[], edges: OpenEdges): Promise<Session> {
  const session = await openSession(asked, edges)
  const { requests } = session
  if (!requests.some(({ options }) => isAllPlatforms(options.platforms))) return session
  const found: SessionRequest[] = []
  try {
    for (const [index, request] of requests.entries()) {
      const original = asked[index]!
      if (!isAllPlatforms(request.options.platforms)) found.push(original)
      else found.push(checkAgain(original, await platformsOfBases(request, session, edges.signal)))
    }
  } finally {
    await session.close()
  }
  return openSession(found, edges)
}

async function platformsOfBases(
  request: SessionRequest,
  session: Session,
  signal: AbortSignal,
): Promise<readonly Platform[]> {
  const { options } = request
  if (options.context === '-' || options.file === '-')
    throw unanswered('the context or the Dockerfile is standard input, which is read once')
  const file = await (await session.contextOf(request)).dockerfile(options.file)
  const { dockerfile, diagnostics } = parseDockerfile(file.text, { file: file.shown })
  check(diagnostics, () => {})
  const graph = graphOf(dockerfile, options, {
    target: ALL_PLATFORMS,
    buildPlatform: platformOfNodeArch(process.arch),
  })
  check(graph.diagnostics, () => {})
  // A stage of a platform of its own is the same for every target
  const own = graph.graph.stages.filter(({ platform }) => samePlatform(platform, ALL_PLATFORMS))
  const bases = new Map<string, Promise<readonly Platform[]>>()
  for (const stage of own)
    for (const source of [stage.base, ...Object.values(stage.froms)]) {
      const base = baseOf(source, options)
      if (base && !bases.has(base.name)) bases.set(base.name, platformsOf(base, { options, session, signal }))
    }
  if (bases.size === 0) throw unanswered('no stage is made from a base image, so nothing says which they are')
  let common: readonly Platform[] | undefined
  for (const base of bases.values()) {
    const has = await base
    common = common ? common.filter((one) => has.some((other) => samePlatform(one, other))) : has
  }
  if (common!.length > MOST) throw unanswered(`the base images have ${common!.length}, more than ${MOST}`)
  if (common!.length > 0) return common!
  throw unanswered(`the base images ${[...bases.keys()].join(', ')} have no platform in common`)
}

type Base = { readonly name: string } & Extract<NamedContext, { kind: 'image' | 'oci-layout' }>

/** The image that a stage reads for its target's platform, if it is one. */
function baseOf(source: StageSource, { buildContexts }: CompleteOptions): Base | undefined {
  if (source.kind === 'image')
    return source.platform && !samePlatform(source.platform, ALL_PLATFORMS)
      ? undefined
      : { kind: 'image', ref: source.ref, name: source.ref }
  if (source.kind !== 'context' || (source.platform && !samePlatform(source.platform, ALL_PLATFORMS))) return undefined
  const context = buildContexts[source.name]
  if (context?.kind === 'target') throw unanswered(`it is made from the image "${context.image}" of the same build`)
  return context?.kind === 'image' || context?.kind === 'oci-layout' ? { ...context, name: source.name } : undefined
}

async function platformsOf(
  base: Base,
  {
    options: { cwd },
    session: { registry },
    signal,
  }: { readonly options: CompleteOptions; readonly session: Session; readonly signal: AbortSignal },
): Promise<readonly Platform[]> {
  if (base.kind === 'image') {
    const found = await readTag(parseReference(base.ref), { registry, signal })
    if (!found) throw new XbuildError('NOT_FOUND', `Cannot find the base image "${base.ref}"`)
    return platformsIn((await found.images()).manifests)
  }
  const root = await originOfFiles(folderFiles(resolve(cwd, base.path)), base.ref).root(signal)
  if (!isIndexType(root.descriptor.mediaType))
    throw unanswered(`the layout of "${base.name}" has one image without an index`)
  return platformsIn(parseIndex(root.bytes, root.descriptor).manifests)
}

function platformsIn(entries: readonly Descriptor[]): readonly Platform[] {
  const images = entries.filter((entry) => entry.platform && !isAttestation(entry) && !isIndexType(entry.mediaType))
  return distinctPlatforms(images.map(({ platform }) => normalizePlatform(fromDescriptorPlatform(platform!))))
}

function unanswered(state: string): XbuildError {
  return new XbuildError('BAD_PLATFORM', `Cannot build for all platforms: ${state}`, {
    hint: `Name them, like --platform linux/amd64,linux/arm64; ${formatPlatform(platformOfNodeArch(process.arch))} is this machine`,
  })
}
