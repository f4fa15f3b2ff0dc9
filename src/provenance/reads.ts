import { compact } from '../compact.ts'
import type { CompleteOptions } from '../config/options.ts'
import { parseRemote, type Remote } from '../dockerfile/remote.ts'
import type { StageGraph } from '../dockerfile/types.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import { formatPlatform } from '../platform.ts'
import type { BuildRecord, UsedImage } from './facts.ts'

/** What is known beside the stages. */
interface Known {
  /** The context, when it comes from elsewhere. */
  readonly context: Remote | undefined
  /** Digests by full reference. */
  readonly bases?: Readonly<Record<string, string>> | undefined
}

/**
 * What the stages of a target read from elsewhere, for an image whose engine does not tell all of it: names, with the
 * digests that it found under them as far as it says (`bases`; of an index, where there is one). What a variable names
 * in ADD is not known.
 */
export function readsOf(
  { stages }: StageGraph,
  { buildContexts }: Pick<CompleteOptions, 'buildContexts'>,
  { context, bases = {} }: Known,
): Pick<BuildRecord, 'images' | 'remotes'> {
  const images: UsedImage[] = []
  const remotes: Remote[] = context ? [context] : []
  for (const { base, froms, platform, stage } of stages) {
    for (const source of [base, ...Object.values(froms)]) {
      if (source.kind === 'stage' || source.kind === 'scratch') continue
      const read = formatPlatform(source.platform ?? platform)
      const named = source.kind === 'context' ? buildContexts[source.name] : undefined
      const ref = source.kind === 'image' ? source.ref : named?.kind === 'image' ? named.ref : undefined
      if (ref !== undefined) images.push({ ...found(ref, bases), isLayout: false, platform: read })
      else if (source.kind === 'context' && named?.kind === 'oci-layout')
        images.push({ name: source.name, isLayout: true, platform: read })
      else if (named?.kind === 'remote') remotes.push(named.remote)
    }
    for (const instruction of stage.instructions) {
      if (instruction.kind !== 'add') continue
      remotes.push(
        ...instruction.sources.filter((text) => !text.includes('$')).flatMap((text) => parseRemote(text) ?? []),
      )
    }
  }
  return { images, remotes: remotes.map((remote) => ({ remote, digest: '' })) }
}

function found(ref: string, bases: NonNullable<Known['bases']>): Pick<UsedImage, 'name' | 'digest'> {
  const name = formatReference(parseReference(ref))
  const digest = Object.hasOwn(bases, name) ? bases[name] : undefined
  return { name, ...compact({ digest }) }
}
