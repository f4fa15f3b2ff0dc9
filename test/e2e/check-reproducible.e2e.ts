import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

let folder: string
let bases: readonly string[]
beforeAll(async () => {
  folder = tempFolder()
  bases = await withBases('busybox')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const at = (...names: string[]) => join(folder, ...names)
async function build(dockerfile: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  writeFiles(at('app'), { Dockerfile: dockerfile, 'a.txt': 'a\n' })
  const common = ['--check-reproducible', '--progress', 'plain', ...bases]
  return xbuild([...common, ...args, '.'], { cwd: at('app'), env: { XBUILD_HOME: at('store'), ...env } })
}

test('a file with the time in it is named with its layer and line, as are times, and nothing is published', async () => {
  const args = ['--platform', 'linux/amd64,linux/arm64', '-t', 'app:1', '-o', `type=oci,dest=${at('out')}`]
  const file = 'FROM busybox\nCOPY a.txt /\nRUN echo "built at $(date)" > /stamp && mkdir /kept\n'
  const ended = await build(file, args)
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  const [first] = ended.stderr.split('\n').filter((line) => line.startsWith('error: '))
  expect(first).toMatch(
    /^error: Cannot reproduce "linux\/amd64, linux\/arm64": layer 3 of 3 differs, \/stamp: content from byte \d\d on, mtime /,
  )
  expect(ended.stderr).toContain('at Dockerfile:3')
  expect(ended.stderr).toMatch(/warning: linux\/arm64: layer 3 of 3 is not the same in both builds: \/stamp: content/)
  expect(ended.stderr).toMatch(/; \/kept: mtime|: \/kept: mtime/)
  expect(ended.stderr).not.toContain('layer 2 of 3')
  expect(ended.stderr).toMatch(/arm64: the configuration is not the same in both builds: created: "/)
  expect(ended.stderr).toMatch(/hint: Keep times, .*\. Set SOURCE_DATE_EPOCH/)
  expect(existsSync(at('out'))).toBe(false)
  expect((await xbuild(['images'], { env: { XBUILD_HOME: at('store') } })).stdout).not.toContain('app')
})

test('equal builds are published', async () => {
  const file = 'FROM busybox\nCOPY a.txt /\nRUN echo same > /same\n'
  const equal = await build(file, ['-o', `type=oci,dest=${at('out')}`], { SOURCE_DATE_EPOCH: '1700000000' })
  expect(equal).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:/) })
  expect(equal.stderr).toContain(`the same digest twice: ${equal.stdout.trim()}`)
  expect(equal.stderr.match(/RUN echo same > \/same$/gm)).toHaveLength(2)
  expect(existsSync(at('out', 'index.json'))).toBe(true)
})

test('of several images those that can be built twice are published; tests of the command line are for all chosen', async () => {
  const [, base = ''] = bases
  const target = (name: string, lines: string) =>
    `target "${name}" {\n  contexts = { busybox = "${base.replace('busybox=', '')}" }\n  dockerfile-inline = "${lines}"\n  output = ["type=oci,dest=${name}"]\n}\n`
  const project = writeFiles(at('bake'), {
    'docker-bake.hcl': [
      'group "default" { targets = ["same", "other"] }\n',
      target('same', 'FROM busybox\\nRUN echo same > /same'),
      target('other', 'FROM busybox\\nRUN cat /proc/sys/kernel/random/uuid > /id'),
    ].join(''),
  })
  const bake = (...args: string[]) =>
    xbuild(['bake', '--allow', 'fs.read=*', ...args], {
      cwd: project,
      env: { XBUILD_HOME: at('store'), SOURCE_DATE_EPOCH: '1700000000' },
    })
  const twice = await bake('--check-reproducible')
  expect(twice.code, twice.stderr).toBe(1)
  expect(twice.stdout).toMatch(/^same sha256:\w{64}\n$/)
  expect(twice.stderr).toMatch(/other: error: Cannot reproduce "linux\/\w+": layer 2 of 2 differs, \/id: content/)
  expect([existsSync(join(project, 'same')), existsSync(join(project, 'other'))]).toEqual([true, false])
  rmSync(join(project, 'same'), { recursive: true })
  const tested = await bake('--test', 'test -e /id')
  expect(tested.code, tested.stderr).toBe(1)
  expect(tested.stdout).toMatch(/^other sha256:\w{64}\n$/)
  expect(tested.stderr).toMatch(
    /same: error: Cannot publish: test "test -e \/id" of linux\/\w+ failed with exit code 1/,
  )
  expect([existsSync(join(project, 'same')), existsSync(join(project, 'other'))]).toEqual([false, true])
})
