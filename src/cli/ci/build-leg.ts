import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { formatLeg, LEG_FILE, LEG_IMAGE, parseLeg, type LegFile } from '../../ci/leg-file.ts'
import { platformNames, type CiCommand } from '../../config/ci-flags.ts'
import { XbuildError } from '../../errors.ts'
import { makeFolders, writeFileAtomic } from '../../host/files.ts'
import type { Digest } from '../../oci/descriptor.ts'
import { runBuild } from '../build.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'

type BuildLeg = Extract<CiCommand, { verb: 'build' }>

/**
 * `xbuild ci build`: one leg of a build, into a folder. `leg.json` is written last: a leg that was ended in between
 * is none.
 */
export async function buildLeg({ options, folder, resume }: BuildLeg, terminal: Terminal): Promise<number> {
  const { cwd } = options
  const at = resolve(cwd, folder)
  const platforms = platformNames(options.platforms)
  if (resume) {
    const done = await readLeg(at)
    if (done && platforms.join() === done.platforms.join()) {
      terminal.stderr.write(`${platforms.join(', ')} is in ${folder} already\n`)
      await print(terminal.stdout, `${done.digest}\n`)
      return 0
    }
  }
  await rm(join(at, LEG_FILE), { force: true })
  await rm(join(at, LEG_IMAGE), { recursive: true, force: true })
  await makeFolders(at)
  const metadataFile = join(at, 'metadata.json')
  const code = await runBuild({ ...options, metadataFile }, terminal)
  if (code !== 0) return code
  const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as { 'containerimage.digest'?: Digest }
  const digest = metadata['containerimage.digest']
  if (digest === undefined) throw new XbuildError('INTERNAL', 'Cannot end the leg: the build told no digest')
  await writeFileAtomic(join(at, LEG_FILE), formatLeg({ platforms, digest }))
  return 0
}

/** The leg that a folder holds; undefined when it holds none that is whole. */
async function readLeg(folder: string): Promise<LegFile | undefined> {
  const path = join(folder, LEG_FILE)
  const bytes = await readFile(path).catch(() => undefined)
  if (!bytes) return undefined
  const leg = parseLeg(bytes, path)
  const index = await readFile(join(folder, LEG_IMAGE, 'index.json'), 'utf8').catch(() => '')
  return index.includes(leg.digest) ? leg : undefined
}
