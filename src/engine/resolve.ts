import { resolve as absolute } from 'node:path'
import type { NamedContext } from '../config/options.ts'
import type { GraphStage, StageGraph, StageSource } from '../dockerfile/types.ts'
import { readUnseen } from '../dockerfile/sources.ts'
import { XbuildError } from '../errors.ts'
import { platformKey, type Platform } from '../platform.ts'
import type { Images } from '../content/images.ts'
import type { ResolvedImage } from '../content/resolved-image.ts'
import type { ImageFor, Lowered } from './lowered.ts'
import { treeOf } from '../content/sources.ts'

type External = Exclude<StageSource, { kind: 'stage' | 'scratch' }>

export interface ResolveOptions {
  readonly images: Images
  readonly contexts: Readonly<Record<string, NamedContext>>
  /** What paths of contexts are relative to. */
  readonly cwd: string
  /** What another image of the session is made of; asked for when the result is, not before. */
  readonly built?: (image: string, platform: Platform) => Lowered
  readonly signal: AbortSignal
}

/**
 * Resolves every image that the graphs read from, in parallel; the result answers from memory. Throws with the place
 * in the Dockerfile.
 */
export async function resolveImages(
  graphs: readonly StageGraph[],
  { images, contexts, cwd, built = notHere, signal }: ResolveOptions,
): Promise<ImageFor> {
  const pending = new Map<string, Promise<ResolvedImage>>()

  function want(source: StageSource, stage: GraphStage): void {
    if (source.kind === 'stage' || source.kind === 'scratch') return
    const platform = source.platform ?? stage.platform
    const key = keyFor(source, stage)
    const context = source.kind === 'context' ? contexts[source.name] : undefined
    if (pending.has(key) || context?.kind === 'dir' || context?.kind === 'target' || treeOf(context)) return
    pending.set(
      key,
      resolve(source, context, platform).catch((error: unknown) => {
        throw located(error, source, stage)
      }),
    )
  }

  function resolve(source: External, context: NamedContext | undefined, platform: Platform): Promise<ResolvedImage> {
    if (source.kind === 'image') return images.fromRegistry(source.ref, platform, signal)
    if (context?.kind === 'image') return images.fromRegistry(context.ref, platform, signal)
    if (context?.kind === 'oci-layout')
      return images.fromLayout({ ...context, path: absolute(cwd, context.path) }, platform, signal)
    throw new XbuildError('INTERNAL', `Cannot resolve the context "${source.name}"`)
  }

  for (const graph of graphs) {
    for (const stage of graph.stages) {
      want(stage.base, stage)
      for (const source of Object.values(stage.froms)) want(source, stage)
    }
  }
  const settled = new Map<string, ResolvedImage>()
  for (const [key, promise] of pending)
    promise.then(
      (image) => settled.set(key, image),
      () => undefined,
    )
  await Promise.all(pending.values())

  return (source, stage) => {
    const context = source.kind === 'context' ? contexts[source.name] : undefined
    if (source.kind === 'context' && context?.kind === 'dir')
      return { kind: 'folder', name: source.name, path: absolute(cwd, context.path) }
    if (context?.kind === 'target')
      return { kind: 'built', lowered: built(context.image, source.platform ?? stage.platform) }
    const tree = treeOf(context)
    if (tree && source.kind === 'context') return { kind: 'tree', name: source.name, source: tree }
    const image = settled.get(keyFor(source, stage))
    if (!image) throw new XbuildError('INTERNAL', `Cannot find a base image that was resolved`)
    return image
  }
}

/**
 * ONBUILD of the images that a graph's stages are made from, by the index of the stage, where it reads from something
 * that the graph does not have: other stages, contexts and images.
 */
export function unseenTriggers({ stages }: StageGraph, imageFor: ImageFor): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, readonly string[]>()
  for (const stage of stages) {
    if (stage.base.kind === 'stage' || stage.base.kind === 'scratch') continue
    const image = imageFor(stage.base, stage)
    const config = 'config' in image ? image.config.config : image.kind === 'built' ? image.lowered.config : undefined
    const triggers = config?.OnBuild ?? []
    if (readUnseen(triggers, stage)) found.set(stage.index, triggers)
  }
  return found
}

function notHere(image: string): never {
  throw new XbuildError('BAD_OPTION', `Cannot use "target:${image}": no image of that name is built`)
}

function keyFor(source: External, stage: GraphStage): string {
  const platform = source.platform ?? stage.platform
  return `${source.kind} ${source.kind === 'image' ? source.ref : source.name} ${platformKey(platform)}`
}

function located(thrown: unknown, source: External, stage: GraphStage): unknown {
  if (!(thrown instanceof XbuildError) || thrown.at) return thrown
  const at =
    stage.base === source
      ? stage.stage.from.at
      : (stage.stage.instructions.find(
          (instruction) => 'from' in instruction && stage.froms[instruction.from ?? ''] === source,
        )?.at ?? stage.stage.from.at)
  return thrown.with({ at })
}
