import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BASES } from '../cases/bases.ts'
import { digestOf, type Case } from './case.ts'
import type { Outcome } from './image.ts'

/** Where what BuildKit makes of a case is kept, and the base images that both builders start from. */
export interface Results {
  readonly folder: string
  /** Layout folders of the base images, by name. */
  readonly bases: Readonly<Record<string, string>>
  get(one: Case): Outcome | undefined
  put(one: Case, outcome: Outcome): void
}

/** Changes when what is read from an image does. */
const FORMAT = 4

/** The results of one version of Docker on one busybox. */
export function openResults(
  cache: string,
  { docker, busybox }: { docker: string; busybox: { folder: string; digest: string } },
): Results {
  const stamp = digestOf(FORMAT, docker, busybox.digest, BASES)
  const folder = join(cache, 'results')
  const fileOf = (one: Case) => join(folder, `${digestOf(stamp, ...partsOf(one))}.json`)
  const recorded = readRecorded()
  const bases = Object.fromEntries(
    Object.keys(BASES).map((name) => [name, join(cache, 'bases', `${name}-${stamp.slice(0, 12)}`)]),
  )
  mkdirSync(folder, { recursive: true })
  mkdirSync(join(cache, 'bases'), { recursive: true })
  return {
    folder,
    bases: { busybox: busybox.folder, ...bases },
    get: (one) =>
      recorded.get(keyOf(one)) ??
      (existsSync(fileOf(one)) ? (JSON.parse(readFileSync(fileOf(one), 'utf8')) as Outcome) : undefined),
    put(one, outcome) {
      const temp = `${fileOf(one)}.${process.pid}`
      writeFileSync(temp, JSON.stringify(outcome))
      renameSync(temp, fileOf(one))
    },
  }
}

/**
 * What a BuildKit newer than Debian's made of cases that need one; they start from scratch, so that all but the
 * platform is the same everywhere.
 */
function readRecorded(): Map<string, Outcome> {
  const folder = join(import.meta.dirname, '../recorded')
  const platform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`
  return new Map(
    readdirSync(folder).flatMap((file) => {
      const { cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { cases: Record<string, Outcome> }
      return Object.entries(cases).map(
        ([key, outcome]) =>
          [key, outcome.built ? { ...outcome, image: { ...outcome.image, platform } } : outcome] as const,
      )
    }),
  )
}

/** What recorded cases go by: one that was changed since is not found. */
function keyOf(one: Case): string {
  return `${one.name} ${digestOf(...partsOf(one)).slice(0, 12)}`
}

function partsOf({ name, dockerfile, files = {}, args = [] }: Case): unknown[] {
  return [name, dockerfile, files, args]
}
