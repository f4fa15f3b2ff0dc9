import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const project = join(folder, 'project')
const starts = join(folder, 'starts')
const IMAGES = Array.from({ length: 9 }, (_, index) => `s${index}`)
let registry: TestRegistry

beforeAll(async () => {
  registry = await startTestRegistry()
  writeFiles(project, {
    Dockerfile: `FROM scratch AS base\nCOPY seed /\n${IMAGES.map((name) => `FROM base AS ${name}\nCOPY ${name} /app\n`).join('')}`,
    'docker-bake.hcl': `group "default" { targets = ${JSON.stringify(IMAGES)} }\n${IMAGES.map(
      (name) => `target "${name}" {\n  target = "${name}"\n  tags = ["${registry.host}/${name}:1"]\n}\n`,
    ).join('')}`,
    seed: 'seed\n',
    ...Object.fromEntries(IMAGES.map((name) => [name, `${name}\n`])),
  })
  // Every Node process says what it runs
  writeFileSync(
    join(folder, 'say.cjs'),
    `require('node:fs').appendFileSync(${JSON.stringify(starts)}, (process.argv[1] ?? '') + '\\n')`,
  )
})
afterAll(() => registry.stop())

/** Builds and pushes all; what was asked of the registry, and the programs that were started. */
async function bake(): Promise<{ asked: string[]; started: string[] }> {
  registry.seen.length = 0
  rmSync(starts, { force: true })
  const env = { NODE_OPTIONS: `--require ${join(folder, 'say.cjs')}`, XDG_CACHE_HOME: join(folder, 'cache') }
  const { code, stderr } = await xbuild(['bake', '--builder=local', '--push'], {
    cwd: project,
    store: join(folder, 'store'),
    env,
  })
  expect(code, stderr).toBe(0)
  const started = readFileSync(starts, 'utf8').trim().split('\n')
  return {
    asked: registry.seen.map(({ method, path }) => `${method} ${path}`),
    started: started.map((path) => basename(path)),
  }
}

test('a bake of which nothing has changed starts no worker, writes nothing to registries, and asks little', async () => {
  const first = await bake()
  expect(first.started).toContain('worker.cjs')
  // Compiling the program costs more than what it has to do the second time
  expect(
    readdirSync(join(folder, 'cache/xbuild/code')).filter((name) => /_cli\.cjs_.*_bake\.bin$/.test(name)),
  ).toHaveLength(1)
  expect(first.asked.filter((line) => /^PUT .*\/manifests\/1$/.test(line))).toHaveLength(IMAGES.length)
  const again = await bake()
  expect(again.started).toEqual(['xbuild.cjs'])
  expect(again.asked.filter((line) => !/^(?:GET|HEAD) /.test(line))).toEqual([])
  // A tag that names what was built is looked at once, and what it leads to is there
  expect(again.asked).toHaveLength(IMAGES.length)

  writeFiles(project, { s3: 'changed\n' })
  const changed = await bake()
  const written = changed.asked.filter((line) => !/^(?:GET|HEAD) /.test(line))
  expect(written.filter((line) => !line.includes('/v2/s3/'))).toEqual([])
  expect(written.filter((line) => line === 'PUT /v2/s3/manifests/1')).toHaveLength(1)
})
