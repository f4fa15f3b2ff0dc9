import { afterEach, expect, test } from 'vitest'
import { parseGitUrl } from '../../src/dockerfile/git-url.ts'
import { resolveCommit } from '../../src/source/git.ts'
import { withGuardedGit } from '../../src/source/guarded-git.ts'
import { gitLogin, withoutLogin, type BareUrl } from '../../src/source/logins.ts'
import { type FileServer, startFileServer } from '../support/file-server.ts'

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
