import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BASES } from '../cases/bases.ts'
import { firstTime, writeCase, type Case } from './case.ts'
import { startDocker, type Docker } from '../../support/docker.ts'
import { hasImage, readImage } from './image.ts'
import { atMost } from './pool.ts'
import type { Results } from './results.ts'

/**
 * Builds with BuildKit every case that has no result yet, and the base images that are missing. Docker runs only
 * meanwhile.
 */
export async function completeResults(
  cases: readonly Case[],
  results: Results,
  { root, work }: { root: string; work: string },
): Promise<void> {
  const missing = cases.filter((one) => results.get(one) === undefined)
  const basesMissing = Object.keys(BASES).filter((name) => !hasImage(results.bases[name]!))
  if (missing.length + basesMissing.length === 0) return
  const docker = await startDocker(root, work)
  try {
    cpSync(results.bases['busybox']!, join(work, 'base/busybox'), { recursive: true })
    for (const name of Object.keys(BASES)) await makeBase(name, { docker, results, work })
    if (missing.length > 0) console.error(`Building ${missing.length} cases with BuildKit, whose results are kept`)
    await atMost(4, missing, async (one) => {
      results.put(one, await build(one, { docker, work, names: ['busybox', ...Object.keys(BASES)] }))
    })
  } finally {
    await docker.stop()
    rmSync(work, { recursive: true, force: true })
  }
}

interface RunPlace {
  readonly docker: Docker
  readonly work: string
  /** Holds the context and the result of this build. */
  readonly folder: string
  /** Base images that the build may use. */
  readonly names: readonly string[]
}

async function makeBase(
  name: string,
  { docker, results, work }: { docker: Docker; results: Results; work: string },
): Promise<void> {
  const kept = results.bases[name]!
  if (!hasImage(kept)) {
    const folder = join(work, `base-${name}`)
    const outcome = await run({ name, dockerfile: BASES[name]! }, { docker, work, folder, names: ['busybox'] })
    if (outcome.code !== 0) throw new Error(`BuildKit cannot build the base image "${name}":\n${outcome.stderr}`)
    rmSync(kept, { recursive: true, force: true })
    cpSync(join(folder, 'out'), `${kept}.${process.pid}`, { recursive: true })
    renameSync(`${kept}.${process.pid}`, kept)
  }
  cpSync(kept, join(work, 'base', name), { recursive: true })
}

async function build(
  one: Case,
  { docker, work, names }: { docker: Docker; work: string; names: readonly string[] },
): ReturnType<typeof readOutcome> {
  const folder = join(work, 'cases', one.name)
  try {
    return await readOutcome(await run(one, { docker, work, folder, names }), join(folder, 'out'), firstTime(one))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readOutcome({ code, stderr }: { code: number; stderr: string }, layout: string, first: number) {
  if (code !== 0) return { built: false, output: stderr } as const
  return { built: true, image: await readImage(layout, first) } as const
}

async function run(one: Case, { docker, work, folder, names }: RunPlace) {
  const context = join(folder, 'context')
  mkdirSync(folder, { recursive: true })
  writeCase(one, context)
  const bases = names.flatMap((name) => [
    '--build-context',
    `${name}=oci-layout://${docker.inside(join(work, 'base', name))}`,
  ])
  return docker.docker(
    'buildx',
    'build',
    '--progress=plain',
    '--no-cache',
    '--provenance=false',
    '--network=host',
    '--allow=network.host',
    ...bases,
    `--output=type=oci,tar=false,dest=${docker.inside(join(folder, 'out'))}`,
    ...(one.args ?? []),
    docker.inside(context),
  )
}
