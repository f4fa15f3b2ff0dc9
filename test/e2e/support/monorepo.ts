import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../../src/platform.ts'
import { cacheFolder } from '../../conformance/support/places.ts'
import { removeLeftovers, startDocker } from '../../support/docker.ts'
import { dockerRoot } from '../../support/docker-root.ts'
import { startRegistry } from '../../support/registry-debian.ts'
import { baseLayer } from './base-layer.ts'
import { runImage, writeFiles } from './context.ts'
import { root } from './places.ts'
import { runOk, xbuild } from './xbuild.ts'

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

/** Two BuildKit nodes, each with a Docker engine of its own. */
export async function startNodes(): Promise<{ readonly nodes: readonly string[]; stop(): Promise<void> }> {
  const cache = await cacheFolder()
  removeLeftovers(cache)
  const root = await dockerRoot(cache)
  const works = [1, 2].map((at) => join(cache, `work-monorepo-${process.pid}-${at}`))
  const engines = await Promise.all(works.map((work) => startDocker(root, work)))
  return {
    nodes: engines.map(({ socket }) => `unix://${socket}`),
    async stop() {
      for (const engine of engines) await engine.stop()
      for (const work of works) rmSync(work, { recursive: true, force: true })
    },
  }
}

/** Engines of tests have no network of their own: all services are built with the host's. */
export function useHostNetwork(project: string): void {
  const lines = ['base', ...SERVICES].map((name) => `  ${name}: {build: {network: host}}\n`)
  writeFileSync(join(project, 'compose.override.yaml'), `services:\n${lines.join('')}`)
}

/** Builds services and `base` on these nodes, pushes them to a registry, and runs every image. */
export async function buildOnNodes(
  project: string,
  { folder, nodes, services }: { folder: string; nodes: readonly string[]; services: readonly string[] },
): Promise<void> {
  const registry = await startRegistry()
  try {
    mkdirSync(folder)
    const { code, stdout, stderr } = await xbuild(
      ['compose', 'build', '--audit=off', '--allow=network.host', '--builder', nodes.join(','), '--push', ...services],
      { cwd: project, store: `${folder}-store`, env: { REGISTRY: registry.host, BUSYBOX: 'oci-layout://layout' } },
    )
    expect(code, stderr).toBe(0)
    const built = stdout.split('\n').flatMap((line) => line.split(' ')[0] || [])
    expect(built.filter((name) => name !== 'base')).toEqual(services)
    for (const node of nodes.filter((name) => name !== 'local')) expect(stderr).toContain(`native on ${node}`)
    // This machine, which is not named, takes its own platform
    if (nodes.includes('local')) expect(stderr).not.toContain(`base ${NATIVE}: native on unix`)
    // The base ran once, for all services, whatever node they were built on
    const ids = await runAll(registry.host, folder, { platforms: RUN, services })
    expect(ids.size).toBe(RUN.length)
  } finally {
    await registry.stop()
  }
}

/** Runs every image that was pushed, on each platform; gives back the ids of the bases that they were made from. */
export async function runAll(
  registry: string,
  folder: string,
  { platforms = RUN, services = SERVICES }: { platforms?: readonly string[]; services?: readonly string[] } = {},
): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const service of services) {
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
