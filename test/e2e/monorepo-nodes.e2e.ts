import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { buildOnNodes, copyMonorepo, startNodes, useHostNetwork } from './support/monorepo.ts'
import { tempFolder } from './support/places.ts'

/** Three that share a Dockerfile and the base, and one that takes files of two of them. */
const SERVICES = ['web', 'api', 'cart', 'gateway']

const folder = tempFolder()
let engines: Awaited<ReturnType<typeof startNodes>>
let project: string

beforeAll(async () => {
  engines = await startNodes()
  project = await copyMonorepo(join(folder, 'project'), join(folder, 'store'))
  useHostNetwork(project)
}, 600_000)

afterAll(() => engines?.stop())

test.each([
  ['two BuildKit nodes', () => engines.nodes],
  ['this machine and a BuildKit node', () => ['local', engines.nodes[0]!]],
])('four services of examples/monorepo on %s: one base, two platforms, and every image runs', async (name, nodesOf) => {
  await buildOnNodes(project, { folder: join(folder, name.replaceAll(' ', '-')), nodes: nodesOf(), services: SERVICES })
})
