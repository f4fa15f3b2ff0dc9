import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../e2e/support/xbuild.ts'
import { firstTime, writeCase, type Case } from './case.ts'
import { readImage, type Outcome } from './image.ts'
import { xbuildProgram } from './places.ts'

/** Builds a case with the embedded engine, as a user would. */
export async function buildCase(
  one: Case,
  { folder, store, bases }: { folder: string; store: string; bases: Readonly<Record<string, string>> },
): Promise<Outcome> {
  const context = join(folder, one.name)
  const layout = `${context}.out`
  writeCase(one, context)
  const contexts = Object.entries(bases).flatMap(([name, path]) => ['--build-context', `${name}=oci-layout://${path}`])
  try {
    // Equal steps of two cases differ in times, which no cache looks at
    const args = [
      '--progress=plain',
      '--no-cache',
      // Programs of another platform in an image are what some cases make
      '--audit=off',
      ...contexts,
      '--output',
      `type=oci,dest=${layout}`,
      ...(one.args ?? []),
      context,
    ]
    const { code, stderr } = await run(process.execPath, [xbuildProgram, ...args], { store })
    return code === 0
      ? { built: true, image: await readImage(layout, firstTime(one)) }
      : { built: false, output: stderr }
  } finally {
    rmSync(layout, { recursive: true, force: true })
    rmSync(context, { recursive: true, force: true })
  }
}
