import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild, type Ended } from '../e2e/support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')

/** A folder that somebody cloned, with the home of its victim; `links` are symbolic links in it, by name. */
function clone(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
  const top = mkdtempSync(join(folder, 'case-'))
  const at = writeFiles(join(top, 'project'), { Dockerfile: 'FROM scratch\nCOPY note /\n', note: 'a note\n', ...files })
  const home = join(top, 'home')
  mkdirSync(join(home, '.ssh'), { recursive: true })
  writeFileSync(join(home, '.ssh/id'), 'the private key')
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(dirname(join(at, name)), { recursive: true })
    symlinkSync(target, join(at, name))
  }
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    xbuild(args, { cwd: at, store, env: { HOME: home, XDG_CONFIG_HOME: '', ...env } })
  return { at, home, top, run, canary: join(top, 'canary') }
}

function expectRefused({ code, stderr, stdout }: Ended, line: number, ...said: string[]): void {
  expect(code, stderr).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(`xbuild.yaml:${line}`)
  expect(stderr).toContain('xbuild trust')
  for (const text of said) expect(stderr).toContain(text)
}

/** A runtime that does harm, and its file. */
function withRuntime() {
  const at = clone({ 'xbuild.yaml': '# friendly\noci-runtime: ./x\n', Dockerfile: 'FROM busybox\nRUN true\n', x: '' })
  writeFileSync(join(at.at, 'x'), `#!/bin/sh\ntouch ${at.canary}\nexit 1\n`)
  chmodSync(join(at.at, 'x'), 0o755)
  return at
}

test('a program of a cloned folder is not run, by no command', async () => {
  const { run, canary } = withRuntime()
  const context = ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`]
  for (const args of [
    [...context, '.'],
    ['plan', ...context, '.'],
    ['du'],
    ['prune', '-f'],
    ['doctor'],
    ['node'],
    ['pack'],
  ])
    expectRefused(await run(args), 2, 'Cannot let a file of the project set oci-runtime "./x"', '--oci-runtime ./x')
  expect(existsSync(canary)).toBe(false)
})

test('the user may run it: by a flag, by naming the file, by accepting it, until file or program change', async () => {
  const { run, canary, at, home } = withRuntime()
  const build = ['--no-cache', '--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`, '.']
  const ran = async (...args: string[]) => {
    const { stderr } = await run([...args, ...build])
    expect(stderr).not.toContain('xbuild trust')
    expect(existsSync(canary), stderr).toBe(true)
    writeFileSync(join(at, 'x'), readFileSync(join(at, 'x'), 'utf8'))
    expect(statSync(canary).isFile()).toBe(true)
  }
  await ran('--config', 'xbuild.yaml')
  const accepted = await run(['trust'])
  expect(accepted.code, accepted.stderr).toBe(0)
  expect(accepted.stdout).toContain(`Accepted as it is now: ${join(at, 'xbuild.yaml')}`)
  expect(accepted.stdout).toMatch(/oci-runtime "\.\/x": it runs ".*\/project\/x" on this machine, sha256 [0-9a-f]{64}/)
  await ran()
  const list = join(home, '.config/xbuild/trusted.json')
  expect(statSync(list).mode & 0o777).toBe(0o600)
  expect(JSON.parse((await run(['trust', '--list', '--json'])).stdout)).toHaveLength(1)

  writeFileSync(join(at, 'x'), '#!/bin/sh\nexit 2\n')
  expectRefused(await run(build), 2)
  await run(['trust'])
  writeFileSync(join(at, 'xbuild.yaml'), '# changed\noci-runtime: ./x\n')
  expectRefused(await run(build), 2)
  await run(['trust'])
  expect((await run(['trust', '--revoke'])).code).toBe(0)
  expectRefused(await run(build), 2)
  expect((await run(['trust', '--revoke'])).code).toBe(1)
})

test('a list that others may write is not believed', async () => {
  const { run, home } = withRuntime()
  await run(['trust'])
  chmodSync(join(home, '.config/xbuild/trusted.json'), 0o666)
  const { code, stderr } = await run(['.'])
  expect(code).toBe(1)
  expect(stderr).toContain('other users can write to')
})

const OUTSIDE: readonly { readonly yaml: string; readonly links?: Readonly<Record<string, string>> }[] = [
  { yaml: 'outputs: [../home/.ssh]' },
  { yaml: 'outputs: ["type=oci,dest=../home/image"]' },
  { yaml: 'outputs: ["type=tar,dest=../home/.bashrc"]' },
  { yaml: 'outputs: ["type=docker,dest=../home/.bashrc"]' },
  { yaml: 'outputs: [out]', links: { out: '../home' } },
  { yaml: 'outputs: [out/deep/er]', links: { out: '../home' } },
  { yaml: 'outputs: ["type=tar,dest=file"]', links: { file: '../home/not-there-yet' } },
  { yaml: 'outputs: [d/e/up/c]', links: { 'd/e/up': '../../', c: '../home/new' } },
  { yaml: 'outputs: [out]', links: { 'out/home': '../../home' } },
  { yaml: 'outputs: [.]' },
  { yaml: 'outputs: ["type=tar,dest=.git/hooks/post-checkout"]' },
  { yaml: 'outputs: [out, out/link]' },
  { yaml: 'cache-to: ["type=local,dest=../home/cache"]' },
  { yaml: 'cache-from: ["type=local,src=../home/cache"]' },
  { yaml: 'cache-from: ["type=local,src=cache"]' },
  { yaml: 'build-contexts: {keys: ../home/.ssh}' },
  { yaml: 'build-contexts: {keys: keys}', links: { keys: '../home/.ssh' } },
  { yaml: 'build-contexts: {keys: "oci-layout://../home/layout"}' },
  { yaml: 'build-contexts: {keys: "file:///etc/.git"}' },
  { yaml: 'file: ../home/.ssh/id' },
  { yaml: 'file: Dockerfile.other', links: { 'Dockerfile.other': '../home/.ssh/id' } },
  { yaml: 'platforms: {linux/amd64: {dockerfile: ../home/.ssh/id}}' },
]

test.each(OUTSIDE)('$yaml with links $links is not done unasked', async ({ yaml, links = {} }) => {
  const { run, home, at } = clone({ 'xbuild.yaml': `# one\n${yaml}\n` }, links)
  expectRefused(await run(['.']), 2)
  expect((await xbuild(['du', '--json'], { cwd: at, store, env: { HOME: home } })).code).toBe(2)
  expect(readFileSync(join(home, '.ssh/id'), 'utf8')).toBe('the private key')
  for (const name of ['.bashrc', 'note', 'image', 'cache', 'new', 'not-there-yet', 'deep'])
    expect(existsSync(join(home, name))).toBe(false)
})

test.each([
  ['build-args: {SECRET: }', 'build-args "SECRET"', "it takes the value from the user's environment"],
  ['platforms: {linux/amd64: {args: [SECRET]}}', 'platforms.linux/amd64.args "SECRET"', 'environment'],
  ['store: ../home/store', 'store', '--store ../home/store'],
  ['store: {limit: 1}', 'store.limit "1"', '--store-limit 1'],
  ['nodes: {board: "tcp://127.0.0.1:1"}', 'nodes.board', '--builder'],
  ['registries: {docker.io: {mirrors: [evil.example]}}', 'registries.docker.io.mirrors "evil.example"', 'config.yaml'],
  ['registries: {docker.io: {insecure: true}}', 'registries.docker.io.insecure', 'config.yaml'],
  ['registries: {docker.io: {http: true}}', 'registries.docker.io.http', 'config.yaml'],
  ['registries: {docker.io: {ca: ca.pem}}', 'registries.docker.io.ca', 'config.yaml'],
  ['outputs: [type=registry]', 'outputs "type=registry"', "it pushes with the user's credentials"],
  ['outputs: [type=docker]', 'outputs "type=docker"', 'into a Docker Engine'],
  ['cache-to: [registry.example/cache]', 'cache-to', 'credentials'],
  ['cache-from: [registry.example/cache]', 'cache-from', 'other builds use it'],
  ['network: host', 'network "host"', '--network host'],
  ['add-hosts: ["me:host-gateway"]', 'add-hosts', 'the address of this machine'],
  ['ulimits: [rtprio=99]', 'ulimits "rtprio=99"', 'the whole machine'],
  ['build-contexts: {x: "git@git.example:me/private.git"}', 'build-contexts', 'it connects to a server by ssh'],
])('%s is not done unasked', async (yaml, key, why) => {
  const { run } = clone({ 'xbuild.yaml': `# one\n${yaml}\n` })
  expectRefused(await run(['.'], { SECRET: 'of the user' }), 2, key, why)
})

test('what does no harm is set by a project', async () => {
  const { run, at } = clone({
    'xbuild.yaml': `platforms: {linux/amd64: {args: {A: b}}}
tags: [example/app:1]
build-args: {VERSION: 1}
labels: {a: b}
network: none
outputs: ["type=oci,dest=out/image"]
build-contexts: {other: sub/folder}
add-hosts: ["db:10.0.0.5"]
ulimits: [nofile=100]
file: sub/Dockerfile
cache-to: ["type=local,dest=cache"]
`,
    'sub/Dockerfile': 'FROM scratch\nCOPY note /\nCOPY --from=other . /\n',
    'sub/folder/file': 'x',
  })
  const { code, stderr } = await run(['.'])
  expect(code, stderr).toBe(0)
  expect(existsSync(join(at, 'out/image/index.json'))).toBe(true)
})

test("the user's own file may say everything, and wins where a project may not", async () => {
  const { run, home, at } = clone({
    'xbuild.yaml': 'network: default\nlabels: {of: project}\ntags: [example/of-project]\n',
  })
  mkdirSync(join(home, '.config/xbuild'), { recursive: true })
  const own = join(home, '.config/xbuild/config.yaml')
  writeFileSync(own, `outputs: ["type=oci,dest=../home/image"]\nlabels: {own: user}\ntags: [example/of-user]\n`)
  const metadata = join(at, 'metadata.json')
  const { code, stderr } = await run(['--metadata-file', metadata, '.'])
  expect(code, stderr).toBe(0)
  expect(existsSync(join(home, 'image/index.json'))).toBe(true)
  expect(JSON.parse(readFileSync(metadata, 'utf8'))['image.name']).toContain('of-project')

  writeFileSync(own, 'oci-runtime: ./x\nstore: here\n')
  const relative = await run(['.'])
  expect(relative.code).toBe(2)
  expect(relative.stderr).toContain('need an absolute path')
  chmodSync(own, 0o666)
  expect((await run(['.'])).stderr).toContain('other users can write to')
})

test('a file that another user left in a folder for everybody is not believed', async () => {
  const { run, at } = clone({ 'xbuild.yaml': 'labels: {a: theirs}\n' })
  chownSync(join(at, 'xbuild.yaml'), 12345, 12345)
  expect((await run(['plan', '.'])).stderr).not.toContain('another user')
  chmodSync(at, 0o1777)
  expectRefused(await run(['plan', '.']), 1, 'the file belongs to another user (id 12345)', '--config xbuild.yaml')
})

test('a device in the place of the file is not read for ever', async () => {
  const { run } = clone({}, { 'xbuild.yaml': '/dev/zero' })
  const { code, stderr } = await run(['.'])
  expect(code).toBe(2)
  expect(stderr).toContain('it is not a regular file')
})

test('a Dockerfile that is a link out of the context is not shown', async () => {
  for (const target of ['/proc/self/environ', '../../home/.ssh/id', '/dev/zero']) {
    const deeper = target.replace(/^\.\./, '../..')
    const { run, at } = clone({}, { 'sub/Dockerfile': target, 'sub/sub/other': deeper })
    for (const args of [[join(at, 'sub')], ['-f', 'sub/sub/other', 'sub']]) {
      const { code, stderr, stdout } = await run(args, { TOKEN: 'of the user' })
      expect(code).toBe(1)
      expect(stderr).toContain('symbolic link to a path outside of the context')
      expect(stderr + stdout).not.toMatch(/of the user|private key/)
    }
  }
  const { run } = clone({ 'sub/real': 'FROM scratch\n' }, { 'sub/Dockerfile': 'real' })
  expect(await run(['sub'])).toMatchObject({ code: 0 })
})

test('programs are not taken out of the folder through a relative PATH', async () => {
  const at = clone({ Dockerfile: 'FROM scratch\nADD https://127.0.0.1:1/x.git /x\n' })
  for (const name of ['git', 'runc', 'crun', 'tar']) {
    writeFileSync(join(at.at, name), `#!/bin/sh\ntouch ${at.canary}\nexit 1\n`)
    chmodSync(join(at.at, name), 0o755)
  }
  for (const PATH of [`.:${process.env['PATH']}`, `:${process.env['PATH']}`]) {
    await at.run(['.'], { PATH })
    await at.run(['doctor'], { PATH })
    await at.run(['--provenance=max', '-o', 'type=local,dest=out', '-f', '-', '.'], { PATH })
  }
  expect(existsSync(at.canary)).toBe(false)
})

test('a platform of an export does not go through a link that lay there', async () => {
  const { run, home } = clone({}, { 'out/linux_amd64': '../../home' })
  const { code, stderr } = await run(['--platform', 'linux/amd64,linux/arm64', '-o', 'out', '.'])
  expect(code, stderr).not.toBe(0)
  expect(stderr).toContain('symbolic link')
  expect(existsSync(join(home, 'note'))).toBe(false)
})

test('what a bake or compose file asks for is accepted once, until the file or what it asks for changes', async () => {
  const bake = 'variable "OUT" { default = "../out" }\ntarget "default" { output = ["type=local,dest=${OUT}"] }\n'
  const compose = [
    'services:',
    '  web:',
    '    build:',
    '      context: .',
    '      secrets: [key]',
    'secrets:',
    '  key: {file: ../home/.ssh/id}',
    '',
  ].join('\n')
  const { at, top, run } = clone({ 'docker-bake.hcl': bake, 'compose.yaml': compose })
  const bakes = ['bake', '-f', 'docker-bake.hcl']
  const [first, second] = [await run(bakes), await run(['compose', 'build'])]
  expect([first.code, second.code]).toEqual([2, 2])
  expect(first.stderr).toContain('xbuild trust docker-bake.hcl')
  expect(existsSync(join(top, 'out'))).toBe(false)

  const trusted = await run(['trust', 'docker-bake.hcl'])
  expect(trusted.stdout).toMatch(/output "type=local,dest=\.\.\/out": .*outside of the project's folder/)
  const built = await run(bakes)
  expect(built.code, built.stderr).toBe(0)
  expect(existsSync(join(top, 'out/note'))).toBe(true)
  expect((await run(['compose', 'build'])).code).toBe(2)
  expect((await run(['trust', 'compose.yaml'])).stdout).toContain('secret "id=key')
  expect((await run(['compose', 'build'])).code).toBe(0)

  // The file is the same, what it comes to is not
  const other = await run(bakes, { OUT: '../other' })
  expect(other.code).toBe(2)
  writeFileSync(join(at, 'docker-bake.hcl'), `${bake}# more\n`)
  expect((await run(bakes)).code).toBe(2)
  expect(existsSync(join(top, 'other'))).toBe(false)
})
