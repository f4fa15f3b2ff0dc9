import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkLegs, LEG_FILE, LEG_IMAGE, parseLeg, type FoundLeg } from '../../ci/leg-file.ts'
import { platformNames, type CiCommand } from '../../config/ci-flags.ts'
import { XbuildError } from '../../errors.ts'
import { runCreate } from '../image/create.ts'
import type { Terminal } from '../terminal.ts'

type Merge = Extract<CiCommand, { verb: 'merge' }>

/**
 * `xbuild ci merge`: one index over the images of all legs, under the tags; its digest on stdout. A leg that is missing
 * or broken ends it before a tag moves.
 */
export async function mergeLegs(command: Merge, terminal: Terminal): Promise<number> {
  const { folders, tags, expected, metadataFile, registries, cwd } = command
  const legs = (await Promise.all(folders.map((folder) => legsIn(resolve(cwd, folder), folder)))).flat()
  checkLegs(legs, platformNames(expected))
  return runCreate(
    {
      verb: 'create',
      sources: legs.map(({ folder, digest }) => ({ kind: 'oci', path: join(folder, LEG_IMAGE), name: digest })),
      files: [],
      tags,
      platforms: [],
      annotations: [],
      preferIndex: true,
      duplicates: false,
      dryRun: false,
      append: false,
      json: false,
      ...(metadataFile === undefined ? {} : { metadataFile }),
      registries,
      cwd,
    },
    terminal,
  )
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
    hint: 'The leg has not ended well: run it again',
  })
}

async function legOf(folder: string): Promise<FoundLeg | undefined> {
  const path = join(folder, LEG_FILE)
  const bytes = await readFile(path).catch(() => undefined)
  return bytes && { ...parseLeg(bytes, path), folder }
}
