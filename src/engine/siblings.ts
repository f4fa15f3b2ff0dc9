import { existsSync, lstatSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chainOf } from '../content/layer-chain.ts'
import type { ResolvedImage, SiblingImage } from '../content/resolved-image.ts'
import { isRealFolder } from '../emulation/packs/sibling/read-inside.ts'
import type { SiblingImages, SiblingTrees, StepSibling } from '../emulation/packs/sibling/step-sibling.ts'
import type { Resources } from '../config/run-options.ts'
import { XbuildError } from '../errors.ts'
import { formatPlatform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import type { Layers } from './layers.ts'
import { runBeside, type BesideEdges } from './run-beside.ts'
import { baseImage } from './image-vertices.ts'
import type { RunVertex } from './vertex.ts'

/** Compressed, and far above any toolchain. Bytes. */
const MAX_LAYER = 1_000_000_000

export interface SiblingEdges extends BesideEdges {
  readonly store: Store
  readonly layers: Layers
}

/**
 * The sibling of the image that a step is based on, which programs of it may have come with: an image that only gives
 * files has no say in what is run. Its programs get no more of this machine than the step itself.
 */
export function siblingsOf(vertex: RunVertex, edges: SiblingEdges): readonly StepSibling[] {
  const base = baseImage(vertex)
  if (!base?.sibling) return []
  return [stepSibling(base, base.sibling, { ...edges, resources: vertex.scope.container.resources })]
}

function stepSibling(
  image: ResolvedImage,
  sibling: SiblingImage,
  edges: SiblingEdges & { readonly resources: Resources | undefined },
): StepSibling {
  const { store, layers, resources } = edges
  const { architecture } = image.config
  const folder = (id: string) => join(store.folder.snapshots, id)
  const refuse = (state: string) =>
    new XbuildError(
      'NOT_FOUND',
      `Cannot use the ${formatPlatform(sibling.platform)} image of "${image.name}": ${state}`,
    )

  /** The one layer that has a path: where several have it, what is seen is in none of them. */
  async function layerWith(path: string, signal: AbortSignal): Promise<number> {
    const chain = chainOf(image.layers)
    await layers.unpacked(chain, signal)
    const found = chain.flatMap(({ id }, index) => (existsSync(join(folder(id), path)) ? [index] : []))
    if (found.length !== 1) throw refuse(`${found.length} layers of the image have "${path}"`)
    return found[0]!
  }

  /** The layers of that number, and the snapshot of the sibling's. */
  async function bothLayers(index: number, signal: AbortSignal) {
    const other = await sibling.resolve(signal)
    const layer = other.layers[index]
    if (!layer || other.layers.length !== image.layers.length) throw refuse('it has another number of layers')
    if (layer.descriptor.size > MAX_LAYER)
      throw refuse(`its layer ${layer.descriptor.digest} has ${layer.descriptor.size} bytes`)
    const [own] = chainOf([layer])
    await layers.unpacked([own!], signal)
    return {
      target: folder(chainOf(image.layers)[index]!.id),
      sibling: folder(own!.id),
      layer: layer.descriptor.digest,
      id: own!.id,
    }
  }

  return {
    name: image.name,
    platform: formatPlatform(sibling.platform),
    digest: sibling.digest,
    async trees(path, signal): Promise<SiblingTrees> {
      const index = await layerWith(path, signal)
      const { id, ...both } = await bothLayers(index, signal)
      return {
        ...both,
        run: (command, options) => runBeside({ ...command, lowers: [id] }, { ...options, edges, resources }),
      }
    },
    async images(signal): Promise<SiblingImages> {
      const chain = chainOf(image.layers)
      const lowers = await layers.unpacked(chain, signal)
      return {
        layerWith: (path) => {
          const found = chain.findLastIndex(({ id }) => hasFile(folder(id), path))
          return found < 0 ? undefined : found
        },
        layer: bothLayers,
        async run(command, { layers: numbers, signal }) {
          if (!numbers) return runBeside({ ...command, lowers, architecture }, { signal, edges, resources })
          const own = await Promise.all(numbers.map(async (index) => (await bothLayers(index, signal)).id))
          return runBeside({ ...command, lowers: own }, { signal, edges, resources })
        },
      }
    },
  }
}

/** Whether a layer has a file or link there; no link leads to it. */
function hasFile(root: string, path: string): boolean {
  if (!isRealFolder(root, dirname(path))) return false
  const found = lstatSync(join(root, path), { throwIfNoEntry: false })
  return found?.isFile() === true || found?.isSymbolicLink() === true
}
