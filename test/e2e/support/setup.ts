import { importExamples } from './examples.ts'

/** Once before all end-to-end tests: the program is built when a source is newer, and the small base image is made. */
export default async function setup(): Promise<void> {
  const { buildProgram, makeBase } = await importExamples()
  await buildProgram()
  await makeBase('busybox')
}
