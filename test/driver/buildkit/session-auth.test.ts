import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Auth } from '../../../src/driver/buildkit/gen/auth_pb.ts'
import { GRPC, type GrpcFailure } from '../../../src/driver/buildkit/grpc/status.ts'
import { createNamedRegistries } from '../../../src/driver/buildkit/named-registries.ts'
import { authService } from '../../../src/driver/buildkit/session/auth.ts'
import { createAgents } from '../../../src/host/http/agents.ts'
import { createHttp } from '../../../src/host/http/send.ts'
import type { RemoteBuild } from '../../../src/driver/remote-build.ts'
import { startTestRegistry, type TestRegistry } from '../../support/registry-server.ts'
import { connectServices } from './connect-services.ts'

/** What a hostile node asks over a session whose build names one repository of one registry. */
let own: TestRegistry
let other: TestRegistry
let scheme: string
let warnings: string[]
let session: Awaited<ReturnType<typeof connectServices>>
const agents = createAgents({ env: {} })

beforeEach(async () => {
  ;[own, other] = await Promise.all([startTestRegistry(), startTestRegistry()])
  scheme = `Bearer realm="http://${own.host}/token",service="own"`
  const answer: TestRegistry['intercepts'][number] = (_request, response, { path }) => {
    if (path.startsWith('/token')) response.end('{"token":"good"}')
    else response.writeHead(401, { 'www-authenticate': scheme }).end('{}')
    return true
  }
  own.intercepts.push(answer)
  other.intercepts.push(answer)
  warnings = []
  const named = createNamedRegistries({ buildPlatform: undefined, pushTo: `${own.host}/pushed` })
  named.add({
    dockerfile: { text: '', shown: 'Dockerfile' },
    options: {
      registries: {},
      cacheFrom: [],
      cacheTo: [],
      buildArgs: {},
      buildContexts: { base: { kind: 'image', ref: `${own.host}/team/base:1` } },
    },
  } as unknown as RemoteBuild)
  session = await connectServices(
    authService({
      credentials: {
        find: async () => ({ kind: 'password', username: 'user', password: 'hidden', from: 'a test' }),
        searched: async () => '',
      },
      http: async () => createHttp({ agents, idleTimeout: 5_000 }),
      registries: {},
      named,
      warn: (message) => warnings.push(message),
    }),
  )
})
afterEach(async () => {
  session.close()
  agents.close()
  await Promise.all([own.stop(), other.stop()])
})

const PULL = 'repository:team/base:pull'
const token = (request: { host?: string; realm?: string; service?: string; scopes?: string[] } = {}) =>
  session.client.unary(Auth.method.fetchToken, {
    Host: request.host ?? own.host,
    Realm: request.realm ?? `http://${own.host}/token`,
    Service: request.service ?? 'own',
    Scopes: request.scopes ?? [PULL],
  })
const refused = (asking: Promise<unknown>) =>
  asking.then(
    () => expect.fail('the node got what it asked for'),
    (error: GrpcFailure) => error,
  )
const tokensAsked = ({ seen }: TestRegistry) =>
  seen
    .filter(({ path }) => path.startsWith('/token'))
    .map(({ path, headers }) => ({
      scopes: new URL(path, 'http://x').searchParams.getAll('scope'),
      authorization: headers.authorization,
    }))
const authorization = `Basic ${btoa('user:hidden')}`

describe('a node that asks for tokens', () => {
  test('gets one of a registry that the build names, from the token service that this registry names', async () => {
    expect(await token()).toMatchObject({ Token: 'good' })
    expect(tokensAsked(own)).toEqual([{ scopes: [PULL], authorization }])
    expect(warnings).toEqual([])
  })

  test('gets none of another registry, which is not even asked', async () => {
    const error = await refused(token({ host: other.host, realm: `http://${other.host}/token` }))
    expect(error).toMatchObject({ code: GRPC.unimplemented })
    expect(warnings).toEqual([expect.stringContaining(other.host)])
    expect(other.seen).toEqual([])
  })

  test('makes nobody speak with a token service of its own choice', async () => {
    const error = await refused(token({ realm: `http://${other.host}/token` }))
    expect(error.message).toContain(other.host)
    expect(warnings).toEqual([expect.stringContaining(other.host)])
    expect(other.seen).toEqual([])
    await refused(token({ service: 'something else' }))
    expect(tokensAsked(own)).toEqual([])
  })

  test('gets the rights that the build needs, and no more', async () => {
    await token({
      scopes: ['repository:team/base:pull,push,delete', 'repository:team/other:pull', 'registry:catalog:*'],
    })
    await token({ scopes: ['repository:pushed:pull,push'] })
    expect(tokensAsked(own)).toEqual([
      { scopes: [PULL], authorization },
      { scopes: ['repository:pushed:pull,push'], authorization },
    ])
  })

  test('gets for a repository that the build does not name what everybody gets', async () => {
    await token({ scopes: ['repository:team/other:pull,push'] })
    expect(tokensAsked(own)).toEqual([{ scopes: ['repository:team/other:pull,push'], authorization: undefined }])
  })
})

describe('a node that asks for a password', () => {
  const password = (Host: string) => session.client.unary(Auth.method.credentials, { Host })

  test('gets it when the registry asks for nothing else', async () => {
    scheme = 'Basic realm="own"'
    expect(await password(own.host)).toMatchObject({ Username: 'user', Secret: 'hidden' })
  })

  test('gets none when the registry takes tokens', async () => {
    expect(await refused(password(own.host))).toMatchObject({ code: GRPC.unimplemented })
    expect(warnings).toEqual([expect.stringContaining(own.host)])
  })

  test('gets none of a registry that the build does not name', async () => {
    scheme = 'Basic realm="own"'
    await refused(password(other.host))
    await refused(password('registry-1.docker.io'))
    expect(warnings).toEqual([expect.stringContaining(other.host), expect.stringContaining('docker.io')])
    expect(other.seen).toEqual([])
  })

  test('is warned of a bounded number of times', async () => {
    for (let n = 0; n < 50; n += 1) await refused(password(`host-${n}.example`))
    expect(warnings.length).toBeLessThanOrEqual(20)
  })
})
