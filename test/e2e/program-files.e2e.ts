import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
let registry: TestRegistry
beforeAll(async () => void (registry = await startTestRegistry()))
afterAll(() => registry.stop())

const dist = join(import.meta.dirname, '../../dist')

type Chunks = readonly (() => Record<string, unknown>)[]
type Need = (group: number, index: number) => Record<string, unknown>

// The program is cut into files by where code is used: what no test runs must be found, too
test.each(['cli', 'image'])('every chunk of %s finds what it needs in the files beside it', (name) => {
  const require = createRequire(import.meta.url)
  const made = new Map<string, Record<string, unknown>>()
  const files = readdirSync(dist).filter((file) => new RegExp(`^${name}(-\\d+)?\\.cjs$`).test(file))
  const need: Need = (group, index) => {
    const key = `${group}:${index}`
    const known = made.get(key) ?? groups[group]![index]!()
    made.set(key, known)
    return known
  }
  const groups = files.toSorted().map((_, group): Chunks => {
    const file = join(dist, `${name}${group === 0 ? '' : `-${group}`}.cjs`)
    return require(file).chunks(need, async (...place: Parameters<Need>) => need(...place))
  })
  expect(files.length).toBeGreaterThan(1)
  for (const [group, chunks] of groups.entries())
    for (const index of chunks.keys())
      for (const [exported, value] of Object.entries(need(group, index)))
        expect(value, `${exported} of chunk ${group}:${index}`).not.toBeUndefined()
})

test('the program starts without certificates that Node would read first', async () => {
  const program = join(dist, 'xbuild.cjs')
  // Node says so when it cannot read them
  const env = { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: '/nowhere/ca.pem' }
  const start = (file: string, ...args: string[]) =>
    new Promise<{ stdout: string; stderr: string }>((resolve) =>
      execFile(file, args, { env }, (_, stdout, stderr) => resolve({ stdout, stderr })),
    )
  expect(await start(process.execPath, program, '--version')).toMatchObject({
    stderr: expect.stringContaining('/nowhere/ca.pem'),
  })
  const { stdout, stderr } = await start(program, '--version')
  expect(stdout).toMatch(/^xbuild \d/)
  expect(stderr).toBe('')
})

test('an unchanged build loads neither TLS, nor name resolution, nor zlib', async () => {
  const list = join(folder, 'modules.txt')
  const hook = join(folder, 'modules.cjs')
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')))`,
  )
  const context = join(folder, 'context')
  const store = join(folder, 'store')
  const build = async (base: string, args: readonly string[], env = {}) => {
    writeFiles(context, { Dockerfile: `FROM ${base}\nCOPY hello.txt /\n`, 'hello.txt': 'hello\n' })
    expect(await xbuild([...args, context], { store, env })).toMatchObject({ code: 0 })
  }
  const base = `${registry.host}/base:1`
  await build('busybox', [...(await withBases('busybox')), '--push', '-t', base])
  const out = ['-o', `type=oci,dest=${join(folder, 'out')}`]
  await build(base, out)
  await build(base, out, { NODE_OPTIONS: `--require ${hook}` })
  const loaded = readFileSync(list, 'utf8').split('\n')
  expect(loaded).toContain('NativeModule http')
  for (const name of ['tls', 'https', 'dns', 'zlib']) expect(loaded).not.toContain(`NativeModule ${name}`)
})
