import type { CiImages } from '../../config/ci-images.ts'
import type { ImageRequest } from '../../config/images/options.ts'
import { withNeeded, neededBy, type ImageTarget } from '../../config/images/target.ts'
import { distinctPlatforms, formatPlatform, type Platform } from '../../platform.ts'
import { checkNoCircle, imageRequests, type ImagesRun } from '../run-images.ts'
import type { Terminal } from '../terminal.ts'

/** Reads what the files say of the images; nothing is built. */
export async function openImages(images: CiImages, terminal: Terminal): Promise<ImagesRun> {
  if (images.kind === 'bake') return (await import('../bake.ts')).readBakeRun(images.command, terminal)
  const { targets, chosen, shared, localPlatform, failFast } = images.command
  return {
    ...{ targets, chosen, shared, localPlatform, failFast },
    groups: {},
    project: shared.cwd,
    grants: undefined,
    env: terminal.env,
    secretEnv: terminal.env,
    print: false,
    metadataFile: undefined,
    call: undefined,
  }
}

/** An image as legs are planned and merged. */
export interface CiImage {
  readonly name: string
  readonly platforms: readonly Platform[]
  /** Platforms that may be missing. */
  readonly optional: readonly string[]
  readonly tags: readonly string[]
}

/** The images that are chosen, and those that several of them are made from. */
export function imagesIn(run: ImagesRun): { readonly chosen: readonly CiImage[]; readonly shared: readonly CiImage[] } {
  const all = withNeeded(run.targets, run.chosen)
  checkNoCircle(all)
  const requests = new Map(imageRequests(run).map((request) => [request.name, request]))
  const found = new Map(run.chosen.map((name) => [name, imageOf(requests.get(name)!, run.localPlatform)]))
  const users = (name: string) => all.filter((target) => Object.values(neededBy(target)).includes(name))
  const shared = all
    .filter(({ name }) => !found.has(name) && users(name).length > 1)
    .map((target) => ({
      ...imageOf(requests.get(target.name)!, run.localPlatform),
      platforms: platformsFor(target, all, found),
    }))
  return { chosen: [...found.values()], shared }
}

function imageOf({ name, options }: ImageRequest, localPlatform: Platform): CiImage {
  const { platforms, overrides = [], tags } = options
  const optional = overrides.filter((one) => one.optional).map(({ platform }) => formatPlatform(platform))
  return { name, platforms: platforms.length > 0 ? platforms : [localPlatform], optional, tags }
}

/** The platforms of the images that are made from it. */
function platformsFor(
  { name }: ImageTarget,
  all: readonly ImageTarget[],
  chosen: ReadonlyMap<string, CiImage>,
  seen: ReadonlySet<string> = new Set(),
): Platform[] {
  const users = all.filter((target) => Object.values(neededBy(target)).includes(name) && !seen.has(target.name))
  const platforms = users.flatMap(
    (target) => chosen.get(target.name)?.platforms ?? platformsFor(target, all, chosen, new Set([...seen, name])),
  )
  return [...distinctPlatforms(platforms)]
}
