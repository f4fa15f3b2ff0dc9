import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { buildOnNodes, copyMonorepo, SERVICES, startNodes, useHostNetwork } from '../support/monorepo.ts'
import { tempFolder } from '../support/places.ts'

const folder = tempFolder()
let engines: Awaited<ReturnType<typeof startNodes>>
let project: string

beforeAll(async () => {
  engines = await startNodes()
  project = await copyMonorepo(join(folder, 'project'), join(folder, 'store'))
  useHostNetwork(project)
})

afterAll(() => engines?.stop())

test.each([
  ['two BuildKit nodes', () => engines.nodes],
  ['this machine and a BuildKit node', () => ['local', engines.nodes[0]!]],
])('examples/monorepo on %s: twelve services on one base, and every image runs', async (name, nodesOf) => {
  await buildOnNodes(project, { folder: join(folder, name.replaceAll(' ', '-')), nodes: nodesOf(), services: SERVICES })
})
