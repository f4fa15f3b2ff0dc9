import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { makeRepository, smartGit, type TestRepository } from '../support/git-server.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const here = join(folder, 'here')
let server: FileServer
let repository: TestRepository
let url: string

beforeAll(async () => {
  server = await startFileServer()
  repository = makeRepository(join(folder, 'repositories/shop.git'))
  server.files.set('/git/', smartGit(join(folder, 'repositories'), '/git'))
  url = `${server.url}/git/shop.git`
  repository.commit({
    Dockerfile: 'FROM scratch\nCOPY VERSION /version\n',
    VERSION: '7\n',
    'docker-bake.hcl': `
group "default" { targets = ["whole", "web"] }
target "whole" {}
target "web" {
  context = "web"
  contexts = { shared = "shared" }
}
target "mine" {
  context = BAKE_CMD_CONTEXT
  dockerfile = "cwd://own.Dockerfile"
}
target "mixed" { dockerfile = "cwd://own.Dockerfile" }
target "wrong" { context = "cwd://" }
target "outside" { context = "../.." }
`,
    'web/Dockerfile': 'FROM scratch\nCOPY page /page\nCOPY --from=shared style /style\n',
    'web/page': 'page\n',
    'shared/style': 'style\n',
    'compose.yaml': 'services: {svc: {build: {context: web, args: [A]}, env_file: vars.env}}\n',
    'vars.env': 'A=remote\n',
  })
  symlinkSync('/etc/hostname', join(repository.folder, 'link.hcl'))
  repository.commit()
  writeFiles(here, {
    'own.Dockerfile': 'FROM scratch\nCOPY VERSION /mine\n',
    VERSION: 'local\n',
    'vars.env': 'A=local\n',
    'over.hcl': 'target "whole" { output = ["out/whole"] }\ntarget "web" { output = ["out/web"] }\n',
  })
})
afterAll(() => server.close())

const bake = (...args: string[]) => xbuild(['bake', ...args], { cwd: here, store })
const made = (...path: string[]) => readFileSync(join(here, 'out', ...path), 'utf8')

test('a repository is built: its own folders are the contexts, files of this folder add to it', async () => {
  const { code, stderr } = await bake(url, '-f', 'docker-bake.hcl', '-f', 'cwd://over.hcl')
  expect(code, stderr).toBe(0)
  expect([made('whole/version'), made('web/page'), made('web/style')]).toEqual(['7\n', 'page\n', 'style\n'])
})

test("a folder of this machine, or a file, is the user's to give", async () => {
  const refused = await bake(url, '-f', 'docker-bake.hcl', 'mine')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain('Cannot let a file of the project set context ".": the file came over the network')
  expect(refused.stderr).toContain('#:docker-bake.hcl:9:13')
  expect(refused.stderr).toContain('Give --allow fs.read=own.Dockerfile')
  const given = ['-f', 'docker-bake.hcl', 'mine', '--allow', 'fs.read=.', '--set', 'mine.output=out/mine']
  expect((await bake(url, ...given)).stderr).not.toContain('error:')
  expect(made('mine/mine')).toBe('local\n')
})

test('a Dockerfile of this machine builds a context of the repository', async () => {
  const { code, stderr } = await bake(
    ...[url, '-f', 'docker-bake.hcl', 'mixed', '--allow', 'fs.read=own.Dockerfile', '--set', 'mixed.output=out/mixed'],
  )
  expect(code, stderr).toBe(0)
  expect(made('mixed/mine')).toBe('7\n')
})

test('what leaves the repository is refused', async () => {
  const run = async (...args: string[]) => (await bake(url, ...args)).stderr
  expect(await run('-f', 'docker-bake.hcl', 'outside')).toContain('"../..": it is outside of the repository')
  expect(await run('-f', 'docker-bake.hcl', 'wrong')).toContain('Cannot use the Dockerfile "Dockerfile" with a context')
  expect(await run('-f', 'link.hcl')).toContain('#:link.hcl": the repository has no such file')
  expect(await run('-f', '../here/over.hcl')).toContain('the repository has no such file')
})

test('compose files of a repository read files of it, and nothing here', async () => {
  const { stdout, stderr } = await bake(url, '-f', 'compose.yaml', '--print')
  expect(stderr).toBe('')
  expect(JSON.parse(stdout).target.svc).toMatchObject({ args: { A: 'remote' }, context: `${url}#:web` })
})

test('a file behind a URL builds what the user lets it read', async () => {
  server.files.set('/one.hcl', {
    body: 'target "default" {\n  dockerfile = "own.Dockerfile"\n  output = ["out/one"]\n}\n',
  })
  expect((await bake(`${server.url}/one.hcl`)).stderr).toContain('Give --allow fs.write=out/one when you trust')
  expect(await bake(`${server.url}/one.hcl`, '--allow', 'fs=.')).toMatchObject({ code: 0 })
  expect(made('one/mine')).toBe('local\n')
  server.files.set('/big.hcl', { body: Buffer.alloc(4_000_001, ' ') })
  expect((await bake(`${server.url}/big.hcl`)).stderr).toContain('it has more than 4000000 bytes')
  server.files.set('/archive', { body: Buffer.from([0x1f, 0x8b, 0, 0]) })
  expect((await bake(`${server.url}/archive`)).stderr).toContain('it is an archive, not a text file')
})

test('standard input has a limit, too', async () => {
  const { stderr } = await xbuild(['bake', '-f', '-'], { cwd: here, store, input: ' '.repeat(4_000_001) })
  expect(stderr).toContain('Cannot read standard input: it is larger than 4 MB')
})
