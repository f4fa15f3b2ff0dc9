import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { rulesText, twinsIn, type Pack } from '../../../emulation/packs/pack.ts'
import { touchPack } from '../../../emulation/packs/pack-folder.ts'
import { programNames, readRecipes } from '../../../emulation/packs/recipes.ts'
import { PACK_TARGETS } from '../../../emulation/packs/targets.ts'
import { MEDIA_TYPE } from '../../../oci/descriptor.ts'
import type { Digest } from '../../../oci/descriptor.ts'
import { makeDocument, makeManifest, type Document } from '../../../oci/make-manifest.ts'
import type { Contents } from '../session/contents.ts'
import { virtualLayer, type LayerFile, type VirtualLayer } from './layer.ts'

/** Packs as an image that exists only as long as somebody reads it. */
export interface PackImage {
  /** Of its manifest; the same packs give the same. */
  readonly digest: Digest
  readonly contents: Contents
  readonly packs: readonly Pack[]
  /** What is wrong with packs that were left out. */
  readonly damaged: readonly string[]
}

/**
 * What the handler looks for in a step, as an image of the architecture that the programs with twins are for: a layer
 * of names and rules, and one for each pack, so that a daemon takes each once. Every file is compared with the manifest
 * of its pack.
 */
export async function packImage(packs: readonly Pack[], architecture: string): Promise<PackImage> {
  const damaged: string[] = []
  const whole: { readonly pack: Pack; readonly layer: VirtualLayer }[] = []
  for (const pack of packs.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    // A program has one twin
    if (whole.some((one) => one.pack.manifest.twin.id === pack.manifest.twin.id)) continue
    const layer = await packLayer(pack).catch((error: Error) => error.message)
    if (typeof layer === 'string') damaged.push(`pack ${pack.digest.slice(0, 12)}: ${layer}`)
    else whole.push({ pack, layer })
  }
  const used = whole.map(({ pack }) => pack)
  for (const pack of used) await touchPack(pack)
  const layers = [await virtualLayer(await stepFiles(used, architecture)), ...whole.map(({ layer }) => layer)]
  const config = makeDocument(MEDIA_TYPE.config, {
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
  })
  const manifest = makeManifest({ config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) })
  return { digest: manifest.descriptor.digest, contents: contentsOf([config, manifest], layers), packs: used, damaged }
}

async function packLayer({ manifest, digest, folder }: Pack): Promise<VirtualLayer> {
  const root = `packs/${digest}`
  const files = await Promise.all(
    manifest.files.map(async ({ path, size }): Promise<LayerFile> => {
      const file = join(folder, path)
      return { path: `${root}/${path}`, executable: ((await lstat(file)).mode & 0o100) !== 0, content: { file, size } }
    }),
  )
  const wanted = new Map(manifest.files.map(({ path, sha256 }) => [`${root}/${path}`, sha256]))
  return virtualLayer(files, (path, sha256) => {
    if (wanted.get(path) !== sha256) throw new Error(`${path.slice(root.length + 1)} was changed after it was made`)
  })
}

/** Names of programs that the handler looks at, and the rules of those that have a twin here. */
async function stepFiles(packs: readonly Pack[], architecture: string): Promise<LayerFile[]> {
  const recipes = (await readRecipes()).filter(({ name }) => packs.some(({ manifest }) => manifest.recipe === name))
  const names = programNames(recipes, PACK_TARGETS[architecture] ?? [])
  const rules = packs
    .flatMap((pack) => twinsIn(pack.manifest).map(({ id }) => [id, rulesText(pack, id)] as const))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    ...names.map((name) => ({ path: `step/names/${name}`, executable: false, content: Buffer.alloc(0) })),
    ...rules.map(([id, text]) => ({ path: `step/rules/${id}`, executable: false, content: Buffer.from(text) })),
  ]
}

function contentsOf(documents: readonly Document[], layers: readonly VirtualLayer[]): Contents {
  const known = new Map<string, { readonly size: number; readonly read: VirtualLayer['read'] }>([
    ...documents.map(
      ({ descriptor: { digest, size }, bytes }) =>
        [
          digest,
          {
            size,
            read: ({ start, end }: { start: number; end: number }) => Readable.from([bytes.subarray(start, end + 1)]),
          },
        ] as const,
    ),
    ...layers.map(({ descriptor: { digest, size }, read }) => [digest, { size, read }] as const),
  ])
  return {
    size: async (digest) => known.get(digest)?.size,
    read: async (digest, range) => known.get(digest)!.read(range),
  }
}
