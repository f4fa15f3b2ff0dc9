import type { PublishOptions, Published } from './publish-options.ts'
import { step } from './publish-step.ts'
import { pipeline } from 'node:stream/promises'
import type { Output } from '../config/options.ts'
import { assertNever } from '../errors.ts'
import { stageFile, writeFailed } from '../host/staging.ts'
import { formatPlatform } from '../platform.ts'
import type { FileOutput } from './check-outputs.ts'
import { dockerTar } from './docker-tar.ts'
import { exportLocal, treeTar } from './export-tree.ts'
import type { createSets } from './image-sets.ts'
import { layoutIndex } from './layout-files.ts'
import { loadable } from './load.ts'
import { writeOciFolder } from './oci-folder.ts'
import { ociTar } from './oci-tar.ts'
import { namesOf } from './output-names.ts'

type Sets = ReturnType<typeof createSets>

/** Writes an output into a file, a folder or stdout. */
export async function writeOutput(output: FileOutput, options: PublishOptions, sets: Sets): Promise<void> {
  const { images, signal, tags } = options
  if (output.type === 'tar') return writeStream(output.dest, treeTar(images, { ...options, ...output }), options)
  if (output.type === 'local') return exportLocal(images, output.dest, { ...options, ...output })
  const names = namesOf(output, tags)
  if (output.type === 'docker') tellLeftOut(output.dest, options)
  const { set, annotations } = await sets(output.type === 'docker' ? { ...output, referrers: false } : output, names)
  const mtime = options.sourceDateEpoch ?? 0
  switch (output.type) {
    case 'oci': {
      const index = layoutIndex(set, names, annotations)
      if (!output.tar) return writeOciFolder(output.dest, set, { index, signal })
      return writeStream(output.dest, ociTar(set, { index, signal, mtime }), options)
    }
    case 'docker':
      return writeStream(output.dest, dockerTar(set, { tags: names, annotations, signal, mtime }), options)
    default:
      return assertNever(output)
  }
}

/**
 * Loads what the engine's store can hold: the images of all platforms, or that of its own machine, and says so.
 * Throws NODE, BAD_PLATFORM.
 */
export async function loadInto(
  output: Extract<Output, { readonly type: 'load' }>,
  options: PublishOptions,
  sets: Sets,
): Promise<Published> {
  const target = options.loadTarget!(output.context)
  const { images, signal, emit } = options
  const loaded = loadable(target, images)
  if (loaded.length < images.length) {
    const state = `its image store holds one platform under one name, so only ${formatPlatform(loaded[0]!.platform)} is loaded`
    emit({ type: 'warning', message: `${target.endpoint}: ${state}`, at: Date.now() })
  }
  // An image store of one platform keeps no index, and nothing that only an index holds
  const kept = target.severalPlatforms ? loaded : loaded.map(({ platform, image }) => ({ platform, image }))
  const tags = namesOf(output, options.tags)
  tellLeftOut(target.endpoint, options)
  const { set, annotations } = await sets({ ...output, referrers: false }, tags, kept)
  let names: readonly string[] = []
  await step(options, `loading into ${target.endpoint}`, async () => {
    names = await target.load(dockerTar(set, { tags, annotations, signal, mtime: options.sourceDateEpoch ?? 0 }), {
      signal,
    })
  })
  return { type: 'load', engine: target.endpoint, names }
}

/** Docker keeps nothing of an image that its index does not name. */
function tellLeftOut(where: string, { images, emit }: PublishOptions): void {
  if (!images.some(({ attestations = [] }) => attestations.some(({ form }) => form === 'referrers'))) return
  const message = `${where}: attestations in the form of referrers are left out: Docker does not keep them`
  emit({ type: 'warning', message, at: Date.now() })
}

async function writeStream(
  dest: string,
  data: AsyncIterable<Uint8Array>,
  { stdout, signal }: PublishOptions,
): Promise<void> {
  if (dest !== '-') return stageFile(dest, data, { signal })
  try {
    await pipeline(data, stdout, { signal, end: false })
  } catch (error) {
    throw writeFailed('stdout', error)
  }
}
