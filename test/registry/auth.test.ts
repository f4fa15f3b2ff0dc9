import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseReference } from '../../src/oci/reference.ts'
import type { RegistryClientOptions } from '../../src/registry/types.ts'
import { type Bench, bench, failureOf, loggedIn, manifestOf, randomBlob } from '../support/registry-bench.ts'
import { bodyOf, refuse, startServer } from '../support/registry-server.ts'

const { signal } = new AbortController()
const held = manifestOf({ manifests: [] })
const BASIC = `Basic ${Buffer.from('user:secret').toString('base64')}`

interface Asked {
  readonly method: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly authorization: string | undefined
}

describe('a password in the clear', () => {
  /** A registry at the end of plain http, as far as the client knows: a proxy stands for the whole network. */
  async function network(realm: string, registries: RegistryClientOptions['registries']) {
    const seen: string[] = []
    const proxy = await startServer((request, response) => {
      seen.push(`${request.url?.split('?')[0]} ${request.headers.authorization ?? '-'}`)
      if (request.url?.includes('/token')) response.end('{"token":"good"}')
      else if (request.headers.authorization === 'Bearer good')
        response.writeHead(200, { 'content-type': held.descriptor.mediaType }).end(held.bytes)
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end('{}')
    })
    const { client } = await bench(() => ({
      registries,
      env: { ...loggedIn('registry.example:5000'), HTTP_PROXY: `http://${proxy.host}` },
    }))
    onTestFinished(() => proxy.stop())
    const pulled = client.manifest(parseReference('registry.example:5000/app:1'), { signal })
    return { seen, pulled }
  }
  const http = { mirrors: [], http: true }

  test.each([
    ['another port of the same host', 'http://registry.example:5001/token'],
    ['another host', 'http://tokens.example/token'],
    ['this machine', 'http://127.0.0.1:1/token'],
  ])('is not sent to %s', async (_, realm) => {
    const { seen, pulled } = await network(realm, { 'registry.example:5000': http })
    const error = await failureOf(pulled)
    expect(error).toMatchObject({ code: 'AUTH', message: expect.stringContaining('over an unencrypted connection') })
    expect(seen).toEqual(['http://registry.example:5000/v2/app/manifests/1 -'])
  })

  test.each([
    ['the registry itself, which is set to plain http', 'http://registry.example:5000/token', {}],
    ['a token service that is set to it', 'http://tokens.example/token', { 'tokens.example': http }],
  ])('is sent to %s', async (_, realm, more) => {
    const { seen, pulled } = await network(realm, { 'registry.example:5000': http, ...more })
    expect((await pulled).bytes).toEqual(held.bytes)
    expect(seen).toContain(`${realm} ${BASIC}`)
  })
})

describe('bearer tokens', () => {
  test('are got once and used until they end', async () => {
    const { registry, client, clock, asked } = await guarded()
    const ref = parseReference(`${registry.host}/team/app:1`)
    for (let round = 0; round < 3; round++) await client.manifest(ref, { signal })
    expect(asked).toHaveLength(1)
    expect(asked[0]?.query.get('service')).toBe('test service')
    expect(asked[0]?.query.getAll('scope')).toEqual(['repository:team/app:pull'])
    expect(asked[0]?.authorization).toBeUndefined()
    clock.time += 51_000
    await client.manifest(ref, { signal })
    expect(asked).toHaveLength(2)
  })

  test('are shared by requests at the same time', async () => {
    const { registry, client, asked } = await guarded()
    const ref = parseReference(`${registry.host}/team/app:1`)
    await Promise.all(Array.from({ length: 30 }, () => client.manifest(ref, { signal })))
    expect(asked).toHaveLength(1)
  })

  test('that end early are renewed', async () => {
    const { registry, client, asked, revoke } = await guarded()
    const ref = parseReference(`${registry.host}/team/app:1`)
    await client.manifest(ref, { signal })
    revoke()
    await client.manifest(ref, { signal })
    expect(asked).toHaveLength(2)
  })

  test('name user and password when there are some', async () => {
    const { registry, client, asked } = await guarded({ options: (host) => ({ env: loggedIn(host) }) })
    await client.manifest(parseReference(`${registry.host}/team/app:1`), { signal })
    expect(asked[0]).toMatchObject({ method: 'GET', authorization: BASIC })
    expect(asked[0]?.query.get('account')).toBe('user')
  })

  test('are got with POST when the service does not know GET', async () => {
    const { registry, client, asked } = await guarded({ options: (host) => ({ env: loggedIn(host) }), onlyPost: true })
    await client.manifest(parseReference(`${registry.host}/team/app:1`), { signal })
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'POST'])
    expect(Object.fromEntries(asked[1]?.form ?? [])).toEqual({
      grant_type: 'password',
      username: 'user',
      password: 'secret',
      client_id: 'xbuild',
      service: 'test service',
      scope: 'repository:team/app:pull',
    })
  })

  test('are bought with an identity token', async () => {
    const { registry, client, asked } = await guarded({
      options: (host) => ({ env: entry(host, { identitytoken: 'refresh' }) }),
    })
    await client.manifest(parseReference(`${registry.host}/team/app:1`), { signal })
    expect(asked[0]).toMatchObject({ method: 'POST', authorization: undefined })
    expect(asked[0]?.form.get('grant_type')).toBe('refresh_token')
    expect(asked[0]?.form.get('refresh_token')).toBe('refresh')
  })

  test('of a mount cover both repositories', async () => {
    const { registry, client, asked } = await guarded()
    const blob = randomBlob(10)
    registry.blobs.set(`base@${blob.descriptor.digest}`, blob.bytes)
    const options = { signal, open: blob.open, mountFrom: ['base'] }
    expect(await client.pushBlob(parseReference(`${registry.host}/team/app`), blob.descriptor, options)).toBe('mounted')
    expect(asked.map(({ query }) => query.getAll('scope'))).toEqual([
      ['repository:team/app:pull,push'],
      ['repository:base:pull', 'repository:team/app:pull,push'],
    ])
  })

  test('that do not reach are replaced by wider ones, for the next time too', async () => {
    const { registry, client, asked } = await guarded({ wants: 'repository:shared/base:pull' })
    const ref = parseReference(`${registry.host}/team/app:1`)
    await client.manifest(ref, { signal })
    await client.manifest(ref, { signal })
    expect(asked.map(({ query }) => query.getAll('scope'))).toEqual([
      ['repository:team/app:pull'],
      ['repository:shared/base:pull', 'repository:team/app:pull'],
    ])
  })

  test('that end in the middle of a push cost one more opening of the blob', async () => {
    const { registry, client, asked, revoke } = await guarded()
    const blob = randomBlob(2_000_000)
    registry.intercepts.unshift((request) => {
      if (request.method === 'PUT' && asked.length === 1) revoke()
      return false
    })
    const ref = parseReference(`${registry.host}/team/app`)
    expect(await client.pushBlob(ref, blob.descriptor, { signal, open: blob.open })).toBe('uploaded')
    expect(registry.seen.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'POST', 'PUT', 'PUT'])
  })

  test('are asked for again when their service stumbles', async () => {
    const { registry, client, asked, said } = await guarded({ stumbles: 2 })
    await client.manifest(parseReference(`${registry.host}/team/app:1`), { signal })
    expect(asked).toHaveLength(3)
    expect(said[0]).toMatch(/^Cannot log in to .*: .* answered 503; trying again/)
  })
})

describe('refusals', () => {
  test('without credentials the hint says where was looked', async () => {
    const { registry, client } = await guarded({ denies: true })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/team/app:1`), { signal }))
    expect(error).toMatchObject({
      code: 'AUTH',
      hint:
        `Check the name; if it is private, run "docker login ${registry.host}" (no credentials for ${registry.host} in ` +
        '/nonexistent/.docker/config.json, /nonexistent/.config/containers/auth.json)',
    })
  })

  test('with credentials the hint names them but never the password', async () => {
    const { registry, client } = await guarded({ denies: true, options: (host) => ({ env: loggedIn(host) }) })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/team/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'AUTH', hint: expect.stringContaining('"user" from DOCKER_AUTH_CONFIG') })
    expect(JSON.stringify([error.message, error.hint, String(error.cause), error.stack])).not.toMatch(
      /secret|dXNlcjpzZWNyZXQ/,
    )
  })

  test('a token service that refuses the password', async () => {
    const { registry, client, said } = await guarded({ refuses: true, options: (host) => ({ env: loggedIn(host) }) })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/team/app:1`), { signal }))
    expect(error).toMatchObject({
      code: 'AUTH',
      message: expect.stringMatching(/^Cannot log in to .* answered 401 UNAUTHORIZED: incorrect username or password$/),
      hint: expect.stringContaining(`docker login ${registry.host}`),
    })
    expect(said).toEqual([])
  })

  test.each([
    ['no token', '{}'],
    ['no JSON', 'hello'],
    ['a token that would split the header', '{"token":"a\\r\\nX: y"}'],
    ['null', 'null'],
  ])('a token service that answers with %s', async (_what, body) => {
    const { registry, client } = await guarded({ body })
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/team/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'AUTH', message: expect.stringContaining('gave no token') })
  })

  test.each(['file:///etc/passwd', 'not a url', ''])('a realm %j is not followed', async (realm) => {
    const { registry, client } = await bench()
    challenge(registry, `Bearer realm="${realm}"`)
    expect((await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))).code).toBe('AUTH')
  })

  test.each(['', 'Negotiate abc', 'Bearer'])('an unknown challenge %j ends with the 401', async (header) => {
    const { registry, client } = await bench()
    challenge(registry, header)
    const error = await failureOf(client.manifest(parseReference(`${registry.host}/app:1`), { signal }))
    expect(error).toMatchObject({ code: 'AUTH', message: expect.stringContaining('401') })
  })
})

describe('basic', () => {
  test('is sent once the registry has asked, and then at once', async () => {
    const { registry, client } = await bench((host) => ({ env: loggedIn(host) }))
    registry.manifests.set('app:1', { type: held.descriptor.mediaType, bytes: held.bytes })
    challenge(registry, 'Basic realm="x"', BASIC)
    for (let round = 0; round < 2; round++) await client.manifest(parseReference(`${registry.host}/app:1`), { signal })
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, BASIC])
  })

  test('an upload to another host goes without credentials', async () => {
    const got: IncomingMessage['headers'][] = []
    const storage = await startServer((request, response) => {
      got.push(request.headers)
      request.resume().on('end', () => response.writeHead(201).end())
    })
    onTestFinished(() => storage.stop())
    const { registry, client } = await bench((host) => ({ env: loggedIn(host) }))
    challenge(registry, 'Basic realm="x"', BASIC)
    registry.intercepts.push((request, response) => {
      if (request.method !== 'POST') return false
      response.writeHead(202, { location: `http://${storage.host}/bucket?key=1` }).end()
      return true
    })
    const blob = randomBlob(1000)
    expect(
      await client.pushBlob(parseReference(`${registry.host}/app`), blob.descriptor, { signal, open: blob.open }),
    ).toBe('uploaded')
    expect(got).toHaveLength(1)
    expect(got[0]?.authorization).toBeUndefined()
  })
})

test('credentials of one registry are never sent to another', async () => {
  const mine = await bench((host) => ({ env: loggedIn(host) }))
  const other = await bench()
  challenge(other.registry, 'Basic realm="x"')
  await failureOf(mine.client.manifest(parseReference(`${other.registry.host}/app:1`), { signal }))
  expect(other.registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

function challenge(registry: Bench['registry'], header: string, accepted?: string): void {
  registry.intercepts.push((request, response) => {
    if (accepted && request.headers.authorization === accepted) return false
    request.resume()
    response.writeHead(401, header ? { 'www-authenticate': header } : {}).end()
    return true
  })
}

function entry(host: string, fields: object): Record<string, string> {
  return { HOME: '/nonexistent', DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: fields } }) }
}

/** A bench whose registry holds `team/app:1` and wants bearer tokens from a service beside it. */
async function guarded(
  how: {
    options?: (host: string) => Partial<RegistryClientOptions>
    onlyPost?: boolean
    /** A scope that every request needs beside its own. */
    wants?: string
    /** 503s of the token service before it works. */
    stumbles?: number
    /** The registry refuses every token. */
    denies?: boolean
    /** The token service refuses to give one. */
    refuses?: boolean
    body?: string
  } = {},
) {
  const asked: Asked[] = []
  let valid: string[] = []
  const service = await startServer((request, response) => void serve(request, response))
  onTestFinished(() => service.stop())
  const made = await bench(how.options)
  made.registry.manifests.set('team/app:1', { type: held.descriptor.mediaType, bytes: held.bytes })
  made.registry.intercepts.push((request, response) => {
    const token = valid.find((text) => request.headers.authorization === `Bearer ${text}`)
    if (token && !how.denies && (!how.wants || token.includes(how.wants))) return false
    const realm = `Bearer realm="http://${service.host}/token",service="test service"`
    request.resume()
    if (!token || how.denies) response.writeHead(401, { 'www-authenticate': realm }).end()
    else
      response.writeHead(403, { 'www-authenticate': `${realm},scope="${how.wants}",error="insufficient_scope"` }).end()
    return true
  })
  return { ...made, asked, revoke: () => (valid = []) }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = new URL(request.url ?? '', 'http://x').searchParams
    const form = new URLSearchParams((await bodyOf(request)).toString())
    asked.push({ method: request.method ?? '', query, form, authorization: request.headers.authorization })
    if (asked.length <= (how.stumbles ?? 0)) return void response.writeHead(503).end()
    if (how.onlyPost && request.method === 'GET') return void response.writeHead(404).end()
    if (how.refuses) return refuse(response, 401, 'UNAUTHORIZED', 'incorrect username or password')
    const token = `${asked.length}|${(form.get('scope')?.split(' ') ?? query.getAll('scope')).join('|')}`
    valid.push(token)
    response
      .writeHead(200)
      .end(how.body ?? JSON.stringify(request.method === 'GET' ? { token, expires_in: 1 } : { access_token: token }))
  }
}
