import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const DOCKERFILE = `FROM busybox
COPY a.txt /
ENV GREETING="good day"
WORKDIR /work
RUN chown 1000:1000 /work
USER 1000
`
let registry: DebianRegistry
let folder: string
let bases: readonly string[]
beforeAll(async () => {
  registry = await startRegistry()
  folder = tempFolder()
  writeFiles(join(folder, 'app'), { Dockerfile: DOCKERFILE, 'a.txt': 'a\n' })
  bases = await withBases('busybox')
})
afterAll(async () => {
  await registry?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const at = (...names: string[]) => join(folder, ...names)
const build = (...args: readonly string[]) =>
  xbuild(['--platform', 'linux/amd64,linux/arm64', '--progress', 'plain', ...bases, ...args], {
    cwd: at('app'),
    env: { XBUILD_HOME: at('store'), TOKEN: 'very-secret' },
  })
const tagged = async () => (await (await fetch(`http://${registry.host}/v2/app/tags/list`)).text()).includes('"1"')

test('tests run in the finished image of each platform, and change nothing of it', async () => {
  const tests = [
    ['--test', 'echo "says $GREETING $(id -u) $(pwd) $(uname -m)"; test -z "$(ls)"; echo changed > left'],
    ['--test', '["/bin/cat", "/a.txt"]'],
    ['--test', '! env | grep very-secret && ! ls /run/secrets'],
  ].flat()
  const plain = await build('-o', `type=oci,dest=${at('plain')}`, '.')
  const snapshots = readdirSync(at('store', 'snapshots')).length
  const ended = await build(...tests, '--secret', 'id=t,env=TOKEN', '-o', `type=oci,dest=${at('out')}`, '.')
  expect(ended).toMatchObject({ code: 0, stdout: plain.stdout })
  expect(ended.stderr).toMatch(/\[linux\/arm64 test 2\/3\] \["\/bin\/cat", "\/a.txt"\]/)
  expect(ended.stderr).toContain('says good day 1000 /work x86_64')
  expect(ended.stderr).toContain('says good day 1000 /work aarch64')
  // Nothing of a test is kept, so it runs each time
  expect(readdirSync(at('store', 'snapshots'))).toHaveLength(snapshots)
  expect((await build(...tests, '.')).stderr).toContain('says good day 1000 /work aarch64')
})

test('a test that fails leaves tags and outputs alone, and all failures are told', async () => {
  const tests = ['--test', 'test $(uname -m) = x86_64 || { echo no; exit 7; }', '--test', 'exit 3']
  const name = `${registry.host}/app:1`
  const ended = await build(...tests, '-t', name, '--push', '-o', `type=local,dest=${at('files')}`, '.')
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain(
    'error: Cannot publish: test "exit 3" of linux/amd64 failed with exit code 3; test "test $(uname',
  )
  expect(ended.stderr).toContain(
    'exit 7; }" of linux/arm64 failed with exit code 7; test "exit 3" of linux/arm64 failed',
  )
  expect(ended.stderr).toMatch(/│ no$/m)
  expect(existsSync(at('files'))).toBe(false)
  expect(await tagged()).toBe(false)
  expect((await build('--test', 'true', '-t', name, '--push', '.')).code).toBe(0)
  expect(await tagged()).toBe(true)
})

test('a test that does not end has the time of --timeout', async () => {
  const ended = await build('--test', 'sleep 1000', '--timeout', '5s', '--platform', 'linux/amd64', '.')
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain('test "sleep 1000" of linux/amd64 failed: its time limit of 5 s is over')
})

test('a compose file, also as one of bake, and xbuild.yaml say what is tested, and need no trust for it', async () => {
  const layout = bases[1]!.replace(/^busybox=oci-layout:\/\//, '')
  const service = `services: { app: { image: app, build: {
    context: ., additional_contexts: { busybox: "oci-layout://${layout}" }, x-xbuild: { test: [exit 4] } } } }`
  writeFiles(at('composed'), { 'compose.yaml': service, Dockerfile: 'FROM busybox\n' })
  writeFiles(at('yaml'), { 'xbuild.yaml': 'test: [exit 5]\n', Dockerfile: 'FROM busybox\n' })
  const env = { XBUILD_HOME: at('store') }
  const composed = await xbuild(['compose', 'build', '--allow', `fs.read=${layout}`], { cwd: at('composed'), env })
  expect(composed).toMatchObject({ code: 1 })
  expect(composed.stderr).toMatch(/test "exit 4" of linux\/\w+ failed with exit code 4/)
  const baked = await xbuild(['bake', '--allow', `fs.read=${layout}`], { cwd: at('composed'), env })
  expect(baked).toMatchObject({ code: 1 })
  expect(baked.stderr).toMatch(/test "exit 4" of linux\/\w+ failed with exit code 4/)
  const single = await xbuild([...bases, '.'], { cwd: at('yaml'), env })
  expect(single).toMatchObject({ code: 1 })
  expect(single.stderr).toMatch(/test "exit 5" of linux\/\w+ failed with exit code 5/)
})
