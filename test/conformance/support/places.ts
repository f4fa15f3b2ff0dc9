import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importExamples } from '../../e2e/support/examples.ts'
import { program } from '../../e2e/support/places.ts'
import { digestOf } from './case.ts'

/** Where results of BuildKit and its Debian are kept between runs: beside the base images. */
export async function cacheFolder(): Promise<string> {
  const { cache } = (await import('../../../examples/setup/places.mjs' as string)) as { cache: string }
  return join(cache, 'conformance')
}

/** The program under test; a build of it elsewhere can be named. */
export const xbuildProgram = process.env['XBUILD_CONFORMANCE_PROGRAM'] ?? program

/** The layout of the base image `busybox`, and a digest of it. */
export async function busyboxLayout(): Promise<{ folder: string; digest: string }> {
  const { makeBase } = await importExamples()
  const folder = await makeBase('busybox')
  return { folder, digest: digestOf(readFileSync(join(folder, 'index.json'), 'utf8')) }
}
