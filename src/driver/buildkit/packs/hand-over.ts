import type { AccelMode } from '../../../config/run-options.ts'
import { withRunFlags } from '../../../dockerfile/run-flags.ts'
import { contextNamed } from '../../../dockerfile/sources.ts'
import type { GraphStage } from '../../../dockerfile/types.ts'
import { namedPack, type Pack } from '../../../emulation/packs/pack.ts'
import { XbuildError } from '../../../errors.ts'
import { formatPlatform, samePlatform, type Platform } from '../../../platform.ts'
import type { UsedPack } from '../../../content/built-image.ts'
import type { RemoteBuild } from '../../remote-build.ts'
import { dockerfileTree, type SessionInputs } from '../inputs.ts'
import { layoutAddress } from '../named-contexts.ts'
import { packImage, type PackImage } from './image.ts'
import { CONTEXT, mountOf } from './step-name.ts'

/** Packs for programs of an architecture on a node whose handler was seen to start twins, or why there are none. */
export type FoundPacks = { readonly packs: readonly Pack[] } | { readonly reason: string }

/** What a node that was defined with packs gets of them. */
export interface NodePacks {
  /** Name of the node. */
  readonly node: string
  readonly native: readonly Platform[]
  /** By GOARCH; absent: nobody asked for programs of it. */
  readonly byArchitecture: ReadonlyMap<string, FoundPacks>
}

/** A build to which packs were added. */
export interface HandedOver {
  /** What the frontend is told. */
  readonly attributes: Readonly<Record<string, string>>
  /** The packs of a context. */
  readonly packs: ReadonlyMap<string, readonly UsedPack[]>
}

export interface HandOver {
  /**
   * Adds packs to the session of a build; nothing when it has no emulated step or must do without. Throws HOST when
   * twins are required.
   */
  to(build: RemoteBuild, inputs: SessionInputs, warn: (message: string) => void): Promise<HandedOver | undefined>
}

/** Hands packs over to the emulated steps of a node: a read-only mount at the place where the handler looks. */
export function createHandOver({ node, native, byArchitecture }: NodePacks): HandOver {
  const images = new Map<string, Promise<PackImage>>()

  async function to(
    build: RemoteBuild,
    inputs: SessionInputs,
    warn: (message: string) => void,
  ): Promise<HandedOver | undefined> {
    const { accel = 'auto' } = build.options
    if (accel === 'off') return undefined
    if (build.dockerfile.frontend)
      return refuse('the Dockerfile is read by another frontend', { accel, warn: () => undefined })
    const parsed = build.graphFor?.(native[0]!)
    const emulated = (parsed?.graph.stages ?? []).filter(
      (stage) => hasRun(stage) && !native.some((own) => samePlatform(own, stage.platform)),
    )
    if (!parsed || emulated.length === 0) return undefined
    const contexts = new Map<number, string>()
    const packs = new Map<string, readonly UsedPack[]>()
    const attributes: Record<string, string> = {}
    for (const { index, platform } of emulated) {
      const image = await imageFor(platform, {
        accel,
        frontend: build.options.buildArgs['BUILDKIT_SYNTAX'] || parsed.dockerfile.directives.syntax,
        warn,
      })
      if (!image) continue
      const context = freeName(`${CONTEXT}${platform.architecture}`, [
        ...parsed.dockerfile.stages.flatMap(({ name }) => name ?? []),
        ...Object.keys(build.options.buildContexts),
      ])
      contexts.set(index, context)
      attributes[`context:${context}`] = layoutAddress(inputs.stores, image.digest, image.contents)
      packs.set(
        context,
        image.packs.map((pack) => ({ platform: formatPlatform(platform), ...namedPack(pack), node })),
      )
    }
    if (contexts.size === 0) return undefined
    const text = withRunFlags(build.dockerfile.text, parsed.dockerfile, (index) =>
      contexts.has(index) ? mountOf(contexts.get(index)!) : undefined,
    )
    const key = `dockerfile-${[...contexts].map(([index, context]) => `${index}-${context.slice(CONTEXT.length)}`).join('-')}`
    inputs.trees.set(key, dockerfileTree({ ...build, dockerfile: { ...build.dockerfile, text } }))
    return {
      attributes: { ...attributes, dockerfilekey: key, 'frontend.caps': 'moby.buildkit.frontend.contexts+forward' },
      packs,
    }
  }

  async function imageFor(
    { architecture }: Platform,
    { accel, frontend, warn }: { accel: AccelMode; frontend: string | undefined; warn: (message: string) => void },
  ): Promise<PackImage | undefined> {
    const without = (reason: string) => refuse(reason, { accel, warn })
    if (accel === 'verify') return without('only the engine of this machine runs steps both ways')
    if (frontend !== undefined && TOO_OLD.test(frontend)) return without(`${frontend} does not support named contexts`)
    const found = byArchitecture.get(architecture) ?? {
      reason: `the node was not checked for a handler for ${architecture} programs`,
    }
    if ('reason' in found) return without(found.reason)
    const made = images.get(architecture) ?? packImage(found.packs, architecture)
    images.set(architecture, made)
    const image = await made
    for (const one of image.damaged) without(one)
    return image.packs.length > 0 ? image : undefined
  }

  function refuse(
    reason: string,
    { accel, warn }: { readonly accel: AccelMode; readonly warn: (message: string) => void },
  ): undefined {
    if (accel === 'require' || accel === 'verify')
      throw new XbuildError('HOST', `Cannot use native toolchains on ${node}: ${reason}`, {
        hint: 'Build with --accel=auto: such programs then run emulated',
      })
    warn(`Native toolchains are not used on ${node}: ${reason}`)
  }

  return { to }
}

/** Versions of the Dockerfile frontend before named contexts. */
const TOO_OLD = /dockerfile(-upstream)?:(0|1\.[0-3])(\.\d+)?(-[a-z]+)?(@|$)/

function hasRun({ stage }: GraphStage): boolean {
  return stage.instructions.some(({ kind }) => kind === 'run')
}

/** A name that no stage and no other context has. */
function freeName(name: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const alias = n === 1 ? name : `${name}-${n}`
    if (contextNamed(alias, taken) === undefined && !taken.includes(alias)) return alias
  }
}
