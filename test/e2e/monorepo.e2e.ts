import { afterAll, beforeAll, expect, test } from 'vitest'
import { join } from 'node:path'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { copyMonorepo, RUN, runAll, SERVICES } from './support/monorepo.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
let registry: DebianRegistry
let project: string

beforeAll(async () => {
  ;[registry, project] = await Promise.all([startRegistry(), copyMonorepo(join(folder, 'project'), store)])
})
afterAll(() => registry.stop())

const names = (text: string) => text.split('\n').flatMap((line) => line.split(' ')[0] || [])

test('examples/monorepo: twelve services on one base, and the same images out of what xbuild init writes', async () => {
  const env = { REGISTRY: registry.host, BUSYBOX: 'oci-layout://layout' }
  const options = { cwd: project, store, env }
  const built = await xbuild(['compose', 'build', '--audit=off', '--builder', 'local', '--push'], options)
  expect(built.code, built.stderr).toBe(0)
  expect(names(built.stdout)).toEqual(['base', ...SERVICES])
  // Each platform's base ran once, for all services
  const ids = await runAll(registry.host, folder)
  expect(ids.size).toBe(RUN.length)

  const init = await xbuild(['init'], options)
  expect(init.stdout, init.stderr).toBe('xbuild.yaml: 13 images from compose.yaml\n')
  const again = await xbuild(['--audit=off', '--builder', 'local'], options)
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toBe(built.stdout)
  const plan = await xbuild(['plan', '--builder', 'local', 'gateway'], options)
  expect(plan.code, plan.stderr).toBe(0)
  expect(plan.stdout).toMatch(/^gateway: 0 \(image\) .* native +local/m)
  expect(plan.stdout).not.toContain('admin')
})
