import { join } from 'node:path'
import { root } from './places.ts'

/** What the tests use of `examples/`, which are plain JavaScript so that they run before anything is installed. */
export interface Examples {
  /** Builds dist when a source is newer. */
  buildProgram(): Promise<void>
  /** Makes a base image unless it is cached; resolves to the folder of its OCI layout. */
  makeBase(name: 'busybox' | 'gcc' | 'node'): Promise<string>
  /** Full path of a program on PATH or in the sbin folders. */
  findProgram(name: string): string | undefined
}

/** Loads those functions. */
export async function importExamples(): Promise<Examples> {
  const paths = ['setup/checkout.mjs', 'base/make-base.mjs', 'setup/process.mjs']
  const modules = await Promise.all(paths.map((path) => import(join(root, 'examples', path))))
  return Object.assign({}, ...modules) as Examples
}

/** Folder of the OCI layout of a base image, made at first use. */
export async function baseLayout(name: 'busybox' | 'gcc' | 'node'): Promise<string> {
  const { makeBase } = await importExamples()
  return makeBase(name)
}
