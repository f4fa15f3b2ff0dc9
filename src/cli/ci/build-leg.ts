import { compact } from '../../compact.ts'
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { formatLeg, LEG_FILE, LEG_IMAGE, parseLeg, type LegFile } from '../../ci/leg-file.ts'
import { platformNames, type CiBuild } from '../../config/ci-line.ts'
import { XbuildError } from '../../errors.ts'
import { makeFolders, writeFileAtomic } from '../../host/files.ts'
import type { Digest } from '../../oci/descriptor.ts'
import { parseReference } from '../../oci/reference.ts'
import { runBuild } from '../build.ts'
import type { Calling } from '../command.ts'
import { withImages } from '../image/open.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { readLegBytes } from './leg-bytes.ts'

/**
 * `xbuild ci build`: one leg of a build, into a folder or a repository. `leg.json` is written last: a leg that was
 * ended in between is none.
 */
export async function buildLeg(command: CiBuild, terminal: Terminal, calling: Calling): Promise<number> {
  const { cwd, folder, repository, resume, what } = command
  if (folder === undefined) return runLeg(command, undefined, { terminal, calling })
  const at = resolve(cwd, folder)
  const platforms = platformNames(command.platforms)
  const image = 'name' in what ? what.name : undefined
  if (resume) {
    const done = await readLeg(at, command, terminal)
    if (done && platforms.join() === done.platforms.join() && done.image === image) {
      terminal.stderr.write(`${[...(image ? [image] : []), platforms.join(', ')].join(' ')} is in ${folder} already\n`)
      await print(terminal.stdout, `${done.digest}\n`)
      return 0
    }
  }
  await rm(join(at, LEG_FILE), { force: true })
  await rm(join(at, LEG_IMAGE), { recursive: true, force: true })
  await makeFolders(at)
  const metadataFile = join(at, 'metadata.json')
  const code = await runLeg(command, metadataFile, { terminal, calling })
  if (code !== 0) return code
  const digest = digestIn(JSON.parse(await readFile(metadataFile, 'utf8')), image)
  if (digest === undefined) throw new XbuildError('INTERNAL', 'Cannot finish the leg: the build returned no digest')
  const leg = { platforms, digest, ...compact({ image }), ...(repository ? { repository } : {}) }
  await writeFileAtomic(join(at, LEG_FILE), formatLeg(leg))
  return 0
}

async function runLeg(
  { what, platforms, folder }: CiBuild,
  metadataFile: string | undefined,
  { terminal, calling }: { readonly terminal: Terminal; readonly calling: Calling },
): Promise<number> {
  if ('options' in what) {
    const { options, neutral } = what
    const withMetadata = { ...options, ...(metadataFile ? { metadataFile } : {}) }
    if (!neutral) return runBuild(withMetadata, terminal)
    const { buildNeutral, withParts } = await import('./neutral.ts')
    return folder === undefined
      ? buildNeutral(options, neutral, terminal)
      : runBuild(withParts(withMetadata, neutral), terminal)
  }
  const [{ openImages }, { runImages }] = await Promise.all([import('./images.ts'), import('../run-images.ts')])
  const run = await openImages(what.images, terminal)
  const said = (texts: readonly string[]) => texts.map((value) => ({ value }))
  const targets = run.targets.map((target) =>
    run.chosen.includes(target.name)
      ? {
          ...target,
          platforms: said(platformNames(platforms)),
          output: said([what.output]),
          tags: [],
          cacheFrom: [...said(what.cacheFrom), ...(target.cacheFrom ?? [])],
          cacheTo: [...(target.cacheTo ?? []), ...said(what.cacheTo)],
        }
      : { ...target, cacheFrom: [...said(what.cacheFrom), ...(target.cacheFrom ?? [])] },
  )
  return runImages({ ...run, targets, metadataFile }, terminal, { invocation: calling.invocation })
}

/** The digest in a metadata file: of one image, or of several by their names. */
function digestIn(metadata: Record<string, unknown>, image: string | undefined): Digest | undefined {
  const own = (image === undefined ? metadata : metadata[image]) as { 'containerimage.digest'?: Digest } | undefined
  return own?.['containerimage.digest']
}

/** The leg that a folder holds; undefined when it holds none that is whole. */
async function readLeg(folder: string, command: CiBuild, terminal: Terminal): Promise<LegFile | undefined> {
  const path = join(folder, LEG_FILE)
  const bytes = await readLegBytes(path)
  if (!bytes) return undefined
  const leg = parseLeg(bytes, path)
  if (leg.repository !== command.repository) return undefined
  if (leg.repository !== undefined) return (await isPushed(leg, command, terminal)) ? leg : undefined
  const index = await readFile(join(folder, LEG_IMAGE, 'index.json'), 'utf8').catch(() => '')
  return index.includes(leg.digest) ? leg : undefined
}

function isPushed({ repository, digest }: LegFile, command: CiBuild, terminal: Terminal): Promise<boolean> {
  return withImages(command, terminal, async ({ registry, signal }) => {
    const { host, repository: name } = parseReference(repository!)
    try {
      await registry.manifest({ host, repository: name, digest }, { signal, direct: true })
      return true
    } catch (error) {
      if (error instanceof XbuildError && error.code === 'NOT_FOUND') return false
      throw error
    }
  })
}
