import { createReadStream } from 'node:fs'
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../oci/descriptor.ts'
import { parseDigest, sha256 } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseIndex } from '../oci/read-manifest.ts'
import { serialize } from '../oci/serialize.ts'
import { kindOf } from '../host/staging.ts'
import { writeOciFolder } from '../publish/oci-folder.ts'
import { openManifest, readCache } from './document.ts'
import { imageSetOf } from './image-set.ts'
import { platformName, type CachePlace, type LoadedCache } from './place.ts'

/** Caches in a folder: an OCI layout per platform, in a subfolder of its own. `path` is absolute. */
export function localPlace(path: string): CachePlace {
  return {
    name: `folder ${path}`,
    async load(platforms) {
      const folders = [...new Set(platforms.map(platformName))].map((name) => join(path, name))
      return (await Promise.all(folders.map(loadFolder))).flat()
    },
    async save(platform, cache, layers, signal) {
      await mkdir(path, { recursive: true })
      await refuseOthersFolder(path)
      const index = serialize({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [cache.manifest.descriptor] })
      await writeOciFolder(join(path, platformName(platform)), imageSetOf(cache, layers), { index, signal })
    },
  }
}

/** A cache of another tool lies in the folder itself: ours would come to lie inside of it. */
async function refuseOthersFolder(path: string): Promise<void> {
  if ((await readdir(path)).includes('index.json')) {
    throw new XbuildError('BAD_OPTION', `Cannot write a cache to "${path}": it is an OCI layout itself`, {
      hint: 'Name another folder',
    })
  }
}

async function loadFolder(folder: string): Promise<LoadedCache[]> {
  if ((await kindOf(join(folder, 'index.json'))) !== 'file') return []
  const bytes = await readSmall(join(folder, 'index.json'), MAX_MANIFEST_BYTES)
  const index = parseIndex(bytes, { mediaType: MEDIA_TYPE.index, digest: sha256(bytes), size: bytes.length })
  const fileOf = (descriptor: Descriptor) => join(folder, 'blobs', ...parseDigest(descriptor.digest).split(':'))
  const found: LoadedCache[] = []
  for (const manifest of index.manifests) {
    const opened = openManifest(await readChecked(manifest), manifest)
    const document = readCache(await readChecked(opened.config), opened)
    if (!document) continue
    // A layer that is not there is no reason to run everything again: only its step is
    const there = new Map(
      await Promise.all(
        opened.layers.map(async (layer) => [layer.digest, (await kindOf(fileOf(layer))) === 'file'] as const),
      ),
    )
    const steps = document.steps.filter(({ layer }) => !layer || there.get(layer.descriptor.digest))
    found.push({
      document: { ...document, steps },
      open: async (layer, offset) => createReadStream(fileOf(layer), { start: offset, highWaterMark: 1 << 20 }),
    })
  }
  return found

  async function readChecked(descriptor: Descriptor): Promise<Buffer> {
    const content = await readSmall(fileOf(descriptor), descriptor.size)
    if (descriptor.digest.startsWith('sha256:') && sha256(content) === descriptor.digest) return content
    throw new XbuildError('DIGEST_MISMATCH', `Cannot use the cache "${folder}": ${descriptor.digest} is damaged`, {
      hint: 'Remove the folder',
    })
  }
}

/** Reads a file of at most so many bytes. */
async function readSmall(path: string, limit: number): Promise<Buffer> {
  const file = await open(path).catch((cause: unknown) => {
    throw new XbuildError('NOT_FOUND', `Cannot read the cache file "${path}": ${(cause as Error).message}`, { cause })
  })
  try {
    const { size } = await file.stat()
    if (size > limit)
      throw new XbuildError(
        'BAD_IMAGE',
        `Cannot read the cache file "${path}": it has ${size} bytes, more than ${limit}`,
      )
    return await file.readFile()
  } finally {
    await file.close()
  }
}
