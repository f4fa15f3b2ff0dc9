import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../../src/platform.ts'
import { baseLayer } from './base-layer.ts'
import { runImage, writeFiles } from './context.ts'
import { root } from './places.ts'
import { runOk } from './xbuild.ts'

export const NATIVE = formatPlatform(platformOfNodeArch(process.arch))

/** The platforms of its images that this CPU runs. */
export const RUN = NATIVE === 'linux/amd64' ? [NATIVE, 'linux/386'] : [NATIVE]

/** The services of examples/monorepo that have a name of their own; beside them there is `base`. */
export const SERVICES = 'web api auth cart search mail stock price media jobs admin gateway'.split(' ')

/**
 * A copy of examples/monorepo. Its second platform is one that this CPU runs, unless `arm64` is to stay; base image is
 * a layout in the project.
 */
export async function copyMonorepo(folder: string, store: string): Promise<string> {
  cpSync(join(root, 'examples/monorepo'), folder, { recursive: true })
  const file = join(folder, 'compose.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('linux/amd64, linux/arm64', `${NATIVE}, linux/386`))
  const context = writeFiles(join(folder, 'busybox'), { Dockerfile: 'FROM scratch\nADD base.tar.gz /\n' })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
  const program = join(root, 'dist/xbuild.cjs')
  // The base layer has programs of this machine's platform alone, which runs those of 386, too
  const args = ['--audit=off', '--builder', 'local', '--platform', `${NATIVE},linux/386`]
  await runOk(process.execPath, [program, ...args, '-o', 'type=oci,dest=layout', 'busybox'], { cwd: folder, store })
  return folder
}

/** Runs every image that was pushed, on each platform; gives back the ids of the bases that they were made from. */
export async function runAll(registry: string, folder: string, platforms: readonly string[]): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const service of SERVICES) {
    const layout = join(folder, `pulled-${service}`)
    const from = `docker://${registry}/shop/${service}`
    await runOk('skopeo', ['copy', '--quiet', '--all', '--src-tls-verify=false', from, `oci:${layout}:1`])
    for (const platform of platforms) {
      const { stdout, stderr } = await runImage(layout, platform)
      const lines = stdout.trimEnd().split('\n')
      const hello = service === 'gateway' ? ['Hello from web', 'Hello from api'] : [`Hello from ${service}`]
      expect(lines.slice(0, -2), stderr).toEqual(hello)
      expect(lines.at(-2)).toMatch(new RegExp(`^${service} on \\w+$`))
      expect(lines.at(-1)).toMatch(/^[0-9a-f-]{36}$/)
      ids.add(`${platform} ${lines.at(-1)}`)
    }
  }
  return ids
}
