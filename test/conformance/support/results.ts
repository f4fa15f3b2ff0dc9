import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
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
export function openResults(cache: string, { docker, busybox }: { docker: string; busybox: { folder: string; digest: string } }): Results {
  const stamp = digestOf(FORMAT, docker, busybox.digest, BASES)
  const folder = join(cache, 'results')
  const fileOf = (one: Case) => join(folder, `${digestOf(stamp, one.name, one.dockerfile, one.files ?? {}, one.args ?? [])}.json`)
  const bases = Object.fromEntries(Object.keys(BASES).map((name) => [name, join(cache, 'bases', `${name}-${stamp.slice(0, 12)}`)]))
  mkdirSync(folder, { recursive: true })
  mkdirSync(join(cache, 'bases'), { recursive: true })
  return {
    folder,
    bases: { busybox: busybox.folder, ...bases },
    get: (one) => (existsSync(fileOf(one)) ? (JSON.parse(readFileSync(fileOf(one), 'utf8')) as Outcome) : undefined),
    put(one, outcome) {
      const temp = `${fileOf(one)}.${process.pid}`
      writeFileSync(temp, JSON.stringify(outcome))
      renameSync(temp, fileOf(one))
    },
  }
}
