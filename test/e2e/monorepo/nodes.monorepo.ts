import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cacheFolder } from '../../conformance/support/places.ts'
import { removeLeftovers, startDocker, type Docker } from '../../support/docker.ts'
import { dockerRoot } from '../../support/docker-root.ts'
import { startRegistry, type DebianRegistry } from '../../support/registry-debian.ts'
import { copyMonorepo, NATIVE, RUN, runAll, SERVICES } from '../support/monorepo.ts'
import { tempFolder } from '../support/places.ts'
import { xbuild } from '../support/xbuild.ts'

const folder = tempFolder()
const cleanUps: (() => Promise<unknown> | void)[] = []
let engines: Docker[]
let project: string

beforeAll(async () => {
  const cache = await cacheFolder()
  removeLeftovers(cache)
  const root = await dockerRoot(cache)
  const works = [1, 2].map((at) => join(cache, `work-${process.pid}${at}`))
  cleanUps.push(() => works.forEach((work) => rmSync(work, { recursive: true, force: true })))
  engines = await Promise.all(works.map((work) => startDocker(root, work)))
  cleanUps.unshift(async () => {
    for (const engine of engines) await engine.stop()
  })
  project = await copyMonorepo(join(folder, 'project'), join(folder, 'store'))
  // Engines of tests have no network of their own
  const host = ['base', ...SERVICES].map((name) => `  ${name}: {build: {network: host}}\n`)
  writeFileSync(join(project, 'compose.override.yaml'), `services:\n${host.join('')}`)
})

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

test.each([
  ['two BuildKit nodes', () => engines.map(({ socket }) => `unix://${socket}`)],
  ['this machine and a BuildKit node', () => ['local', `unix://${engines[0]!.socket}`]],
])('examples/monorepo on %s: twelve services on one base, and every image runs', async (name, nodesOf) => {
  const registry: DebianRegistry = await startRegistry()
  try {
    const nodes = nodesOf()
    const out = join(folder, name.replaceAll(' ', '-'))
    mkdirSync(out)
    const { code, stdout, stderr } = await xbuild(
      ['compose', 'build', '--audit=off', '--allow=network.host', '--builder', nodes.join(','), '--push'],
      { cwd: project, store: `${out}-store`, env: { REGISTRY: registry.host, BUSYBOX: 'oci-layout://layout' } },
    )
    expect(code, stderr).toBe(0)
    const built = stdout.split('\n').flatMap((line) => line.split(' ')[0] || [])
    expect(built).toEqual(['base', ...SERVICES])
    for (const node of nodes.filter((name) => name !== 'local')) expect(stderr).toContain(`native on ${node}`)
    // This machine, which is not named, takes its own platform
    if (nodes.includes('local')) expect(stderr).not.toContain(`base ${NATIVE}: native on unix`)
    // The base ran once, for all services, whatever node they were built on
    const ids = await runAll(registry.host, out, RUN)
    expect(ids.size).toBe(RUN.length)
  } finally {
    await registry.stop()
  }
})
