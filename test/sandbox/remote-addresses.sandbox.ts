import { writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFileServer } from '../support/file-server.ts'
import { makeRepository, smartGit } from '../support/git-server.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** What a Dockerfile makes the engine itself ask. */
const ASKING = [
  'FROM scratch\nADD http://169.254.169.254/latest/meta-data/ /',
  'FROM scratch\nADD http://2852039166/latest /',
  'FROM scratch\nADD http://[::ffff:169.254.169.254]/latest /',
  'FROM scratch\nADD http://[fd00:ec2::254]/latest /',
  'FROM scratch\nADD http://169.254.169.254/repository.git /',
  'FROM scratch\nADD ssh://git@2852039166/repository.git /',
  'FROM 169.254.169.254/latest/meta-data',
]

test.each(ASKING)('the engine asks no metadata service: %j', async (Dockerfile) => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile })
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/Cannot connect to ".*": it is (\S+, )?a link-local or metadata address/)
  expect(stderr).toContain('--allow network.host')
})

test('with --network private it asks no service of this machine either', async () => {
  const server = await startFileServer()
  server.files.set('/f', { body: 'inside' })
  try {
    const files = { Dockerfile: `FROM scratch\nADD ${server.url}/f /\n` }
    const refused = await sandbox.build('native', files, ['--network', 'private'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('an address of this machine itself')
    expect(server.log).toEqual([])
    const allowed = await sandbox.build('native', files, ['--network', 'private', '--allow', 'network.host'])
    expect(allowed.code, allowed.stderr).toBe(0)
  } finally {
    await server.close()
  }
})

test('a server of git cannot lead git to a metadata service, only to other servers', async () => {
  const server = await startFileServer()
  const repositories = join(folder, 'redirected')
  makeRepository(join(repositories, 'a.git')).commit({ file: 'a' })
  server.files.set('/git/', smartGit(repositories, '/git'))
  const to = (base: string): RequestListener => {
    return ({ url = '' }, response) => response.writeHead(302, { location: base + url.replace(/^\/\w+/, '') }).end()
  }
  server.files.set('/moved/', to(`${server.url}/git`))
  server.files.set('/away/', to('http://169.254.169.254'))
  const build = (path: string) =>
    sandbox.build('native', { Dockerfile: `FROM scratch\nADD ${server.url}/${path}/a.git /\n` })
  try {
    const moved = await build('moved')
    expect(moved.code, moved.stderr).toBe(0)
    const away = await build('away')
    expect(away.code, away.stderr).toBe(1)
    expect(away.stderr).toMatch(/Cannot connect to "169.254.169.254": it is a link-local or metadata address/)
  } finally {
    await server.close()
  }
})

test('a submodule, and one of a submodule, does not come from a metadata service, however it is spelled', async () => {
  const server = await startFileServer()
  server.files.set('/git/', smartGit(join(folder, 'repositories'), '/git'))
  const outer = (name: string, url: string) => {
    const repository = makeRepository(join(folder, 'repositories', name))
    writeFileSync(join(repository.folder, '.gitmodules'), `[submodule "inner"]\n path = inner\n url = "${url}"\n`)
    const id = repository.commit({ file: name })
    repository.git('update-index', '--add', '--cacheinfo', `160000,${inner ?? id},inner`)
    repository.git('commit', '--quiet', '-m', 'a submodule')
    return repository.git('rev-parse', 'HEAD')
  }
  let inner: string | undefined
  const build = (name: string) =>
    sandbox.build('native', { Dockerfile: `FROM scratch\nADD ${server.url}/git/${name} /\n` })
  try {
    const urls = [
      'https://169.254.169.254/x',
      'ssh://git@2852039166/x',
      'git@169.254.169.254:x',
      'git://[::ffff:169.254.169.254]/x',
    ]
    for (const [index, url] of [...urls, 'http://example.org\\\\@169.254.169.254/x'].entries()) {
      outer(`s${index}.git`, url)
      const { code, stderr } = await build(`s${index}.git`)
      expect(code, stderr).toBe(1)
      expect(stderr).toMatch(/a link-local or metadata address|its address has no host/)
    }
    inner = outer('s0.git', urls[0]!)
    outer('deep.git', `${server.url}/git/s0.git`)
    const { code, stderr } = await build('deep.git')
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('a link-local or metadata address')
  } finally {
    await server.close()
  }
})
