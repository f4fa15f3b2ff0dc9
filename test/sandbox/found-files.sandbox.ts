import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles, type Content } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild } from '../e2e/support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const KEY = 'the private key'

/** A clone of a stranger's repository in the home of its victim; `links` are symbolic links in it, by name. */
function clone(files: Readonly<Record<string, Content>>, links: Readonly<Record<string, string>> = {}) {
  const home = mkdtempSync(join(folder, 'home-'))
  writeFiles(home, { '.ssh/id': KEY, 'secret.env': `TOKEN=${KEY}\n`, empty: '' })
  const at = join(home, 'clone')
  mkdirSync(at)
  writeFiles(at, { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n', ...files })
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(at, name))
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    xbuild(args, { cwd: at, store, env: { HOME: home, ...env } })
  return { home, at, run, canary: join(home, 'canary') }
}

/** Programs that git would run, in a folder of the clone. */
function plantGit(at: string, canary: string): void {
  mkdirSync(join(at, 'git'))
  for (const name of ['git-remote-http', 'git-remote-https']) {
    writeFileSync(join(at, 'git', name), `#!/bin/sh\ntouch ${canary}\nexit 1\n`)
    chmodSync(join(at, 'git', name), 0o755)
  }
}

const COMPOSE = 'services: {a: {image: example/a, build: .}}\n'

test('.env of a clone does not say which programs xbuild runs, nor where it builds', async () => {
  const { at, run, canary } = clone({
    'compose.yaml': COMPOSE,
    Dockerfile: 'FROM scratch\nADD https://127.0.0.1:1/x.git /x\n',
  })
  plantGit(at, canary)
  writeFileSync(join(at, '.env'), `GIT_EXEC_PATH=${join(at, 'git')}\n`)
  expect((await run(['compose', 'build'])).code).toBe(1)
  expect(existsSync(canary)).toBe(false)

  writeFileSync(join(at, 'Dockerfile'), 'FROM scratch\nCOPY compose.yaml /\n')
  writeFileSync(join(at, '.env'), 'BUILDKIT_HOST=tcp://127.0.0.1:1\nDOCKER_HOST=tcp://127.0.0.1:1\nSSH_AUTH_SOCK=/x\n')
  const built = await run(['compose', 'build'])
  expect(built.code, built.stderr).toBe(0)
  expect(built.stderr).not.toContain('127.0.0.1')
})

test('.env still gives values to arguments and secrets', async () => {
  const { run, home } = clone({
    'compose.yaml':
      'services: {a: {build: {context: ., args: {A: $VALUE}, secrets: [s], x-bake: {output: "type=local,dest=out"}}}}\n' +
      'secrets: {s: {environment: OF_ENV}}\n',
    '.env': 'VALUE=value\nOF_ENV=opensesame\n',
  })
  const printed = await run(['compose', 'build', '--print'])
  expect(JSON.parse(printed.stdout).target.a.args).toEqual({ A: 'value' })
  const built = await run(['compose', 'build', '--allow', 'secret=OF_ENV'])
  expect(built.code, built.stderr).toBe(0)
  expect(existsSync(join(home, 'clone/out/Dockerfile'))).toBe(true)
})

test('.env of a clone does not choose compose files elsewhere, whose folder would then be the project', async () => {
  const { at, run, home } = clone({})
  const target = `{context: ${home}/.ssh, dockerfile_inline: "FROM scratch\\nCOPY . /", x-bake: {output: "type=local,dest=${at}/out"}}`
  writeFileSync(join(at, 'compose.yaml'), `services: {a: {build: ${target}}}\n`)
  for (const files of [`${home}/empty:${at}/compose.yaml`, 'link/.ssh/id']) {
    writeFileSync(join(at, '.env'), `COMPOSE_FILE=${files}\n`)
    if (!existsSync(join(at, 'link'))) symlinkSync('..', join(at, 'link'))
    const { code, stderr } = await run(['compose', 'build'])
    expect(code).toBe(2)
    expect(stderr).toContain("outside of the project's folder")
    expect(stderr).not.toContain(KEY)
    expect(existsSync(join(at, 'out'))).toBe(false)
  }
  writeFileSync(join(at, '.env'), 'COMPOSE_FILE=other.yaml\n')
  writeFileSync(join(at, 'other.yaml'), COMPOSE)
  expect((await run(['compose', 'build'])).code).toBe(0)
  // What the user's own environment says is the user's word
  writeFileSync(join(home, 'mine.yaml'), 'services: {mine: {build: clone}}\n')
  const own = await run(['compose', 'build', '--print'], { COMPOSE_FILE: '../mine.yaml' })
  expect(own.stdout, own.stderr).toContain('"mine"')
})

const LINKS: readonly (readonly [name: string, target: string, args: readonly string[]])[] = [
  ['compose.yaml', '../.ssh/id', ['compose', 'build']],
  ['compose.override.yml', '../.ssh/id', ['compose', 'build']],
  ['docker-bake.hcl', '../.ssh/id', ['bake']],
  ['docker-bake.override.json', '/proc/self/environ', ['bake', '--print']],
  ['xbuild.yaml', '/proc/self/environ', ['.']],
  ['xbuild.yaml', '/proc/self/environ', ['trust']],
]

test.each(LINKS)('%s that is a link to %s is not shown by %s', async (name, target, args) => {
  const more: Record<string, string> = name.startsWith('compose.override') ? { 'compose.yaml': COMPOSE } : {}
  const { run } = clone(more, { [name]: target })
  const { code, stderr, stdout } = await run(args, { TOKEN: KEY })
  expect(code).toBe(2)
  expect(stderr).toContain("outside of the project's folder")
  expect(stderr + stdout).not.toMatch(/private key|PATH=/)
})

test('.env that is a link out of the clone gives nothing to arguments', async () => {
  const { run, home } = clone(
    { 'compose.yaml': 'services: {a: {build: {context: ., args: {A: $TOKEN}}}}\n' },
    { '.env': '../secret.env' },
  )
  for (const args of [
    ['compose', 'build', '--print'],
    ['bake', '--print'],
  ]) {
    const { code, stderr, stdout } = await run(args)
    expect(code).toBe(2)
    expect(stderr).toContain("outside of the project's folder")
    expect(stderr + stdout).not.toContain(KEY)
    const allowed = await run([...args, '--allow', `fs.read=${home}/secret.env`])
    expect(allowed.stdout, allowed.stderr).toContain(KEY)
  }
})

test('a link to another file of the clone is followed', async () => {
  const links = { 'compose.yaml': 'files/c.yaml', 'docker-bake.hcl': 'files/b.hcl', 'xbuild.yaml': 'files/x.yaml' }
  const { run } = clone(
    { 'files/c.yaml': COMPOSE, 'files/b.hcl': 'target "b" {}\n', 'files/x.yaml': 'labels: {a: b}\n' },
    links,
  )
  for (const args of [
    ['plan', '.'],
    ['compose', 'build', '--print'],
    ['bake', '--print', 'b'],
  ]) {
    const { code, stderr } = await run(args)
    expect(code, stderr).toBe(0)
  }
})

test('files that another user left in a folder for everybody are not taken', async () => {
  for (const [name, text, args] of [
    ['docker-bake.hcl', 'target "default" {}\n', ['bake', '--print']],
    ['compose.override.yaml', 'services: {a: {build: {args: {A: theirs}}}}\n', ['compose', 'build', '--print']],
  ] as const) {
    const { run, at } = clone({ 'compose.yaml': COMPOSE, [name]: text })
    chownSync(join(at, name), 12345, 12345)
    expect((await run(args)).code).toBe(0)
    chmodSync(at, 0o1777)
    const { code, stderr } = await run(args)
    expect(code).toBe(2)
    expect(stderr).toContain('belongs to another user (id 12345)')
  }
})
