import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { importExamples } from '../../e2e/support/examples.ts'
import { CASES } from '../cases/cases.ts'
import { completeResults } from './buildkit.ts'
import { removeLeftovers } from '../../support/docker.ts'
import { dockerRoot, dockerVersion } from '../../support/docker-root.ts'
import { busyboxLayout, cacheFolder } from './places.ts'
import { openResults } from './results.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    conformance: {
      readonly cache: string
      readonly docker: string
      readonly busybox: { readonly folder: string; readonly digest: string }
    }
  }
}

/** Once before all cases: the program is built, and BuildKit has built every case that is new. */
export default async function setup(project: TestProject): Promise<void> {
  const { buildProgram } = await importExamples()
  if (process.env['XBUILD_CONFORMANCE_PROGRAM'] === undefined) await buildProgram()
  const cache = await cacheFolder()
  const root = await dockerRoot(cache)
  const versions = { docker: dockerVersion(root), busybox: await busyboxLayout() }
  removeLeftovers(cache)
  const work = join(cache, `work-${process.pid}`)
  try {
    await completeResults(
      CASES.flatMap(({ cases }) => cases),
      openResults(cache, versions),
      { root, work },
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  project.provide('conformance', { cache, ...versions })
}
