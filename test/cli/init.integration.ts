import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'xbuild-init-'))))
afterEach(() => rm(folder, { recursive: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

async function xbuild(...argv: string[]) {
  const printed = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') => {
    const write = (text: string, done?: () => void) => {
      printed[name] += text
      done?.()
    }
    return { isTTY: false, on() {}, write }
  }
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') }
  const env = { TAG: '1.10', XDG_CONFIG_HOME: join(folder, 'config') }
  const terminal = { ...streams, env, cwd: () => folder, on() {}, off() {}, exit() {} }
  return { code: await run(argv, terminal as unknown as Terminal), ...printed }
}

const file = () => readFileSync(join(folder, 'xbuild.yaml'), 'utf8')

test('a compose project: the images are the same, and what is left out is told', async () => {
  write({
    'compose.yaml': `
name: shop
services:
  base: {build: {context: base, platforms: [linux/amd64, linux/386]}}
  web:
    image: registry.example/web:\${TAG}
    build:
      context: ./web
      dockerfile: docker/D
      args: {A: 1, B: "x y", TAG: }
      additional_contexts: {base: "service:base", more: ./api}
      secrets: [key]
      labels: [a=b]
      extra_hosts: ["db:10.0.0.5", "db:10.0.0.6"]
      ulimits: {nofile: {soft: 10, hard: 20}}
      shm_size: 64m
      cache_to: ["type=local,dest=cache"]
      no_cache: true
      provenance: mode=max
  api: {build: {context: ., dockerfile_inline: "FROM scratch\\nCOPY a /a\\n"}}
  dev: {profiles: [dev], build: api}
  db: {image: postgres}
secrets: {key: {file: key.txt}}
`,
    'stray/Dockerfile': 'FROM scratch\n',
    'web/docker/D': 'FROM scratch\n',
  })
  const before = await xbuild('compose', 'build', '--print')
  expect(before.code, before.stderr).toBe(0)
  const { code, stdout, stderr } = await xbuild('init')
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'xbuild.yaml: 3 images from compose.yaml\n' })
  expect(stderr.split('\n')).toEqual([
    'note: compose.yaml: the service dev is left out: its profile is not on',
    'note: compose.yaml: variables are written with the values that they have now',
    'note: stray/Dockerfile: no image of compose.yaml is built from it',
    '',
  ])
  const after = await xbuild('--print')
  const whole = JSON.parse(after.stdout) as { target: { [name: string]: { [key: string]: unknown } } }
  const { web } = whole.target
  for (const target of Object.values(whole.target)) target['context'] = join(folder, String(target['context']))
  web!['dockerfile'] = join(folder, 'web', String(web!['dockerfile']))
  expect(web).toMatchObject({ contexts: { more: 'api' }, secret: [{ src: 'key.txt' }] })
  web!['contexts'] = { base: 'target:base', more: join(folder, 'api') }
  web!['secret'] = [{ id: 'key', src: join(folder, 'key.txt') }]
  expect(whole).toEqual(JSON.parse(before.stdout))
})

test('a bake project: the images of the group default, made from one another', async () => {
  write({
    'docker-bake.hcl': `
variable "TAG" { default = "1.0" }
variable "OPT" {}
function "named" {
  params = [name]
  result = "r/\${name}:\${TAG}"
}
group "default" { targets = ["a", "m", "inline"] }
target "inline" {
  tags = [named("inline")]
  args = { O = OPT, WHEN = equal(TAG, "1.0") ? "first" : "later" }
  dockerfile-inline = "FROM scratch\\n"
  shm-size = "64m"
}
target "base" { context = "base" }
target "a" {
  context = "a"
  dockerfile = "../x"
  tags = ["r/a:\${TAG}"]
  contexts = { base = "target:base" }
  output = ["type=local,dest=out"]
}
target "m" {
  name = "m-\${v}"
  matrix = { v = ["1", "2"] }
  args = { V = v }
}
target "lint" { call = "check" }
`,
  })
  const before = JSON.parse((await xbuild('bake', '--print')).stdout) as {
    target: { base: { output?: unknown }; inline: { dockerfile?: string } }
  }
  const { code, stderr } = await xbuild('init')
  expect(code).toBe(0)
  expect(stderr).toContain('note: docker-bake.hcl: the target lint is left out: it is not in the group default\n')
  const after = JSON.parse((await xbuild('--print')).stdout) as typeof before
  // An image that only others are made from has a place in the store here
  delete before.target.base.output
  // buildx names a file that it does not read
  delete before.target.inline.dockerfile
  expect(after.target).toEqual(before.target)
})

test('Dockerfiles of all names, in folders below; what cannot be read is told', async () => {
  const copying = 'FROM scratch\nCOPY src /src\n'
  write({
    'src/a': '',
    Dockerfile: copying,
    'Dockerfile.tools': copying,
    'services/api/Dockerfile': copying,
    'services/web/Dockerfile': 'FROM scratch\nCOPY index.html /\n',
    'services/web/index.html': '',
    'other/web/Dockerfile': 'FROM scratch\n',
    'jobs/nightly.Dockerfile': 'FROM scratch\nCOPY nowhere /\n',
    'broken/Dockerfile': 'FROM\n',
    'Dockerfile.dockerignore': '',
    'node_modules/x/Dockerfile': copying,
    '.hidden/Dockerfile': copying,
  })
  const { code, stdout } = await xbuild('init', '--json')
  const found = JSON.parse(stdout) as { images: string[]; notes: object[]; text: string }
  expect(code).toBe(0)
  expect(existsSync(join(folder, 'xbuild.yaml'))).toBe(false)
  expect(found.notes).toEqual([
    { file: 'broken/Dockerfile', message: 'left out, line 1: Cannot parse FROM: it names no image' },
    { file: 'jobs/nightly.Dockerfile', message: 'its context is a guess: "nowhere" is not in "jobs"' },
  ])
  expect(found.images.slice(1)).toEqual(['tools', 'nightly', 'web', 'api', 'services-web'])
  expect((await xbuild('init', '--print', '--schema', 's.json')).stdout).toBe(
    `# yaml-language-server: $schema=s.json\n${found.text}`,
  )
  expect((await xbuild('init')).code).toBe(0)
  const { target } = JSON.parse((await xbuild('--print')).stdout) as { target: Record<string, object> }
  expect(target).toMatchObject({
    tools: { context: '.', dockerfile: 'Dockerfile.tools' },
    api: { context: '.', dockerfile: 'services/api/Dockerfile' },
    web: { context: 'other/web' },
    'services-web': { context: 'services/web' },
    nightly: { context: 'jobs', dockerfile: 'nightly.Dockerfile' },
  })
})

test('a file that is there stays, unless --force says so; a link is not followed', async () => {
  write({ Dockerfile: 'FROM scratch\n', 'xbuild.yaml': 'jobs: 2\n', victim: 'mine' })
  const refused = await xbuild('init')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain('Cannot write "xbuild.yaml": the file exists already')
  expect(file()).toBe('jobs: 2\n')
  expect((await xbuild('init', '--force')).code).toBe(0)
  expect(file()).toContain('images:')
  await rm(join(folder, 'xbuild.yaml'))
  symlinkSync('victim', join(folder, 'xbuild.yaml'))
  expect((await xbuild('init')).code).toBe(2)
  expect((await xbuild('init', '--force')).code).toBe(0)
  expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('mine')
})

test('nothing to build is an error', async () => {
  expect(await xbuild('init')).toMatchObject({ code: 1, stderr: expect.stringContaining('there is nothing to build') })
})
