import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkLegs, LEG_FILE, LEG_IMAGE, parseLeg, type FoundLeg } from '../../ci/leg-file.ts'
import { platformNames, type CiCommand } from '../../config/ci-line.ts'
import { XbuildError } from '../../errors.ts'
import { createImages, type CreateOptions } from '../../image/create.ts'
import type { ImageName } from '../../oci/image-name.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import { formatPlatform, type Platform } from '../../platform.ts'
import { metadataOf } from '../../publish/metadata.ts'
import { writeText } from '../../publish/publish.ts'
import { withImages, type ImageEdges } from '../image/open.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { readLegBytes } from './leg-bytes.ts'

type Merge = Extract<CiCommand, { verb: 'merge' }>

/** An image to publish: its legs are whole. */
interface Merged {
  readonly name?: string
  readonly legs: readonly FoundLeg[]
  readonly tags: readonly Reference[]
  /** Optional platforms that have no leg. */
  readonly missing: readonly Platform[]
}

/**
 * `xbuild ci merge`: one index over the images of all legs, under the tags; its digest on stdout, of several images
 * behind their names. A leg that is missing or broken ends it before a tag moves, as does a tag that would lose a
 * platform.
 */
export async function mergeLegs(command: Merge, terminal: Terminal): Promise<number> {
  const { folders, tags, expected, cwd } = command
  const legs = (await Promise.all(folders.map((folder) => legsIn(resolve(cwd, folder), folder)))).flat()
  if (!command.images) {
    const named = legs.find(({ image }) => image !== undefined)
    if (named)
      throw new XbuildError('BAD_OPTION', `Cannot merge: "${named.folder}" is a part of the image ${named.image}`, {
        hint: 'Name the files that define the image with --bake-file, or the image with --image',
      })
    checkLegs(legs, platformNames(expected))
    return publishAll([{ legs, tags, missing: [] }], command, terminal)
  }
  const { imagesIn, openImages } = await import('./images.ts')
  const { chosen } = imagesIn(await openImages(command.images, terminal))
  // All are looked at before the first is published
  const merged = chosen.map(({ name, platforms, optional, tags: names }): Merged => {
    const own = legs.filter(({ image }) => image === name)
    const needed = platformNames(platforms).filter((platform) => !optional.includes(platform))
    checkLegs(own, needed, name)
    if (own.length === 0) throw new XbuildError('NOT_FOUND', `Cannot merge ${name}: no folder holds a leg of it`)
    if (names.length === 0)
      throw new XbuildError('BAD_OPTION', `Cannot merge ${name}: it has no tags`, { hint: 'Give it some in its file' })
    const there = own.flatMap((leg) => leg.platforms)
    const missing = platforms.filter((platform) => !there.includes(formatPlatform(platform)))
    return { name, legs: own, tags: names.map(parseReference), missing }
  })
  return publishAll(merged, command, terminal)
}

/** Publishes all images: their tags move last, together. */
async function publishAll(merged: readonly Merged[], command: Merge, terminal: Terminal): Promise<number> {
  const { metadataFile, cwd } = command
  const sets = await withImages(command, terminal, async (edges) => {
    const wanted: CreateOptions[] = []
    for (const image of merged) wanted.push(await createOptions(image, command, edges))
    return createImages(wanted)
  })
  const entries = merged.map(({ name, tags }, index) => ({ name, set: sets[index]!, tags }))
  if (metadataFile !== undefined) {
    const [only] = entries
    const metadata =
      only!.name === undefined
        ? metadataOf(only!.set, only!.tags)
        : Object.fromEntries(entries.map(({ name, set, tags }) => [name, metadataOf(set, tags)]))
    await writeText(resolve(cwd, metadataFile), `${JSON.stringify(metadata, null, 2)}\n`)
  }
  const lines = entries.map(({ name, set }) => `${name === undefined ? '' : `${name} `}${set.root.descriptor.digest}\n`)
  await print(terminal.stdout, lines.join(''))
  return 0
}

async function createOptions(
  { legs, tags, missing }: Merged,
  { append, force, allowPlatformDrop }: Merge,
  { open, registry, emit, signal }: ImageEdges,
): Promise<CreateOptions> {
  const sources = []
  for (const leg of legs) sources.push({ source: await open(sourceOf(leg, tags)) })
  return {
    ...{ sources, tags, missing, append, force, allowPlatformDrop, registry, emit, signal },
    ...{ platforms: [], annotations: [], preferIndex: true, duplicates: false, dryRun: false },
  }
}

/** Where the image of a leg is: a leg comes from elsewhere, and names no registry that the tags do not. */
function sourceOf({ folder, digest, repository }: FoundLeg, tags: readonly Reference[]): ImageName {
  if (repository === undefined) return { kind: 'oci', path: join(folder, LEG_IMAGE), name: digest }
  const { host, repository: name } = parseReference(repository)
  if (tags.some((tag) => tag.host === host)) return { kind: 'registry', ref: { host, repository: name, digest } }
  throw new XbuildError('BAD_OPTION', `Cannot merge "${folder}": its image is in ${host}, where no tag is`, {
    hint: 'Push legs to the registry that the image goes to',
  })
}

/** The leg of a folder, or those of the folders in it: what downloaded artifacts look like. Throws NOT_FOUND. */
async function legsIn(folder: string, name: string): Promise<FoundLeg[]> {
  const own = await legOf(folder)
  if (own) return [own]
  const inner = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const found = await Promise.all(
    inner.filter((entry) => entry.isDirectory()).map((entry) => legOf(join(folder, entry.name))),
  )
  const legs = found.filter((leg) => leg !== undefined)
  if (legs.length > 0) return legs
  throw new XbuildError('NOT_FOUND', `Cannot merge "${name}": there is no ${LEG_FILE} in it`, {
    hint: 'The leg failed: run it again',
  })
}

async function legOf(folder: string): Promise<FoundLeg | undefined> {
  const path = join(folder, LEG_FILE)
  const bytes = await readLegBytes(path)
  return bytes && { ...parseLeg(bytes, path), folder }
}
