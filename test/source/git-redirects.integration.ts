import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseGitUrl } from '../../src/dockerfile/git-url.ts'
import { checkOut, resolveCommit } from '../../src/source/git.ts'
import { withGuardedGit } from '../../src/source/guarded-git.ts'
import { gitLogin, withoutLogin, type BareUrl } from '../../src/source/logins.ts'
import { type FileServer, startFileServer } from '../support/file-server.ts'
import { makeRepository, smartGit } from '../support/git-server.ts'
import { tempFolder } from '../support/temp-folder.ts'

const { signal } = new AbortController()
const servers: FileServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function serve(): Promise<FileServer> {
  const server = await startFileServer()
  servers.push(server)
  return server
}

/** A server that sends git to another one. */
async function leadingTo(base: string): Promise<FileServer> {
  const server = await serve()
  server.files.set('/', ({ url }, response) => response.writeHead(302, { location: base + url }).end())
  return server
}

/** Asks for the commit of a repository; gives the error. */
async function ask(url: BareUrl, { env = {}, byUser = false }: { env?: object; byUser?: boolean } = {}) {
  const all = { PATH: process.env['PATH'], HOME: '/nowhere', ...env }
  const options = { url, byUser, agent: undefined, reach: 'no-metadata' } as const
  return withGuardedGit(all, options, ({ origin }) => resolveCommit(origin, parseGitUrl(url.url), signal)).then(
    () => undefined,
    (error: Error) => error,
  )
}

test.each([true, false])('a login goes to no server that a redirect names (of the user: %s)', async (byUser) => {
  const other = await serve()
  const { url } = await leadingTo(other.url)
  const inUrl = withoutLogin(`${url.replace('://', '://me:secret@')}/a.git`)
  const login = await gitLogin(`${url}/a.git`, async (id) =>
    id.startsWith('GIT_AUTH_TOKEN.') ? Buffer.from('secret') : undefined,
  )
  const named = withoutLogin(`${url.replace('://', '://me@')}/a.git`)
  for (const one of [inUrl, { url: `${url}/a.git`, login: login! }, named])
    expect(await ask(one, { byUser })).toMatchObject({
      code: 'REGISTRY',
      message: expect.stringMatching(/the server sends git to another address/) as string,
    })
  expect(other.log).toEqual([])
  // Without a login git goes there
  await ask({ url: `${url}/a.git` }, { byUser })
  expect(other.log[0]).toMatch(/^GET \/a.git\/info\/refs/)
})

const AUTHORIZATION = `Basic ${btoa('me:word')}`

/** A server of one private repository, which sends git on from `/group/project`, as GitLab does. */
async function privateServer(to: (url: string) => string) {
  const folder = tempFolder()
  const commit = makeRepository(join(folder, 'group/project.git')).commit({ file: 'text' })
  const git = smartGit(folder, '')
  const server = await serve()
  const other = await serve()
  const logins: (string | undefined)[] = []
  server.files.set('/', (request, response) => {
    const { url = '', headers } = request
    logins.push(headers.authorization)
    if (headers.authorization !== AUTHORIZATION) return response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    if (url.startsWith('/group/project.git/')) return git(request, response)
    return response.writeHead(301, { location: to(url).replace('OTHER', other.url) }).end()
  })
  const url = withoutLogin(`${server.url.replace('://', '://me:word@')}/group/project`)
  return { url, commit, logins, other }
}

test.each([true, false])('a redirect on the same host is followed with the login (of the user: %s)', async (byUser) => {
  const { url, commit, logins } = await privateServer((asked) => asked.replace('/project/', '/project.git/'))
  const options = { url, byUser, agent: undefined, reach: 'no-metadata' } as const
  const folder = tempFolder()
  const env = { PATH: process.env['PATH'], HOME: '/nowhere' }
  const found = await withGuardedGit(env, options, async (gits) => {
    const remote = parseGitUrl(`${url.url}.git`)
    const at = { ...remote, url: url.url }
    const resolved = await resolveCommit(gits.origin, at, signal)
    await checkOut(gits, at, { commit: resolved, folder, signal })
    return resolved.id
  })
  expect(found).toBe(commit)
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('text')
  expect(logins).toContain(AUTHORIZATION)
})

test.each([
  ['another port', (asked: string) => `OTHER${asked}`],
  [
    'another port, after a path of its own',
    (asked: string) => (asked.includes('/b/') ? `OTHER${asked}` : `/b${asked}`),
  ],
  ['a user of its own', (asked: string) => `http://you:word@127.0.0.1${asked}`],
  ['itself', (asked: string) => asked],
  ['what is no repository', () => '/login'],
  ['no address', () => 'http://['],
])('a redirect to %s is not', async (_, to) => {
  const { url, other } = await privateServer(to)
  expect(await ask(url)).toMatchObject({ code: 'REGISTRY' })
  expect(other.log).toEqual([])
})

const NOWHERE = 'http://127.0.0.1:9'

test.each([
  ['that git does not know', { HTTP_PROXY: NOWHERE }],
  ['for another scheme', { https_proxy: NOWHERE }],
  ['that is empty', { http_proxy: '', all_proxy: NOWHERE }],
  ['for another scheme, and hosts without one', { HTTPS_PROXY: NOWHERE, NO_PROXY: 'example.org' }],
])('a variable of a proxy %s leaves the guard where it is', async (_, env) => {
  const { url } = await leadingTo('http://169.254.169.254')
  const error = await ask({ url: `${url}/a.git` }, { env })
  expect(error?.message).toMatch(/169.254.169.254": it is a link-local|the server sends git to another address/)
})

test('a redirect leads to no host that the proxy is not for', async () => {
  const other = await serve()
  const proxy = await serve()
  const location = `${other.url}/a.git/info/refs?service=git-upload-pack`
  proxy.files.set('http://git.example/', (_, response) => response.writeHead(302, { location }).end())
  const env = { http_proxy: proxy.url, NO_PROXY: '127.0.0.1' }
  const error = await ask({ url: 'http://git.example/a.git' }, { env })
  expect(error?.message).toMatch(/the server sends git to another address/)
  expect(proxy.log).toHaveLength(1)
  expect(other.log).toEqual([])
  // A proxy for all hosts judges them itself
  await ask({ url: 'http://git.example/a.git' }, { env: { http_proxy: proxy.url } })
  expect(proxy.log).toHaveLength(3)
  expect(proxy.log[2]).toContain(`GET ${other.url}/a.git/`)
})
