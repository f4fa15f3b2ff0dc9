import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  MessageInitShape,
} from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Auth } from '../../src/driver/buildkit/gen/auth_pb.ts'
import { Content } from '../../src/driver/buildkit/gen/content_pb.ts'
import { FileSend, FileSync } from '../../src/driver/buildkit/gen/filesync_pb.ts'
import { Packet_PacketType as PACKET } from '../../src/driver/buildkit/gen/fsutil_pb.ts'
import { Secrets } from '../../src/driver/buildkit/gen/secrets_pb.ts'
import { SSH } from '../../src/driver/buildkit/gen/ssh_pb.ts'
import { Upload } from '../../src/driver/buildkit/gen/upload_pb.ts'
import type { GrpcClient } from '../../src/driver/buildkit/grpc/client.ts'
import { GRPC, GrpcFailure } from '../../src/driver/buildkit/grpc/status.ts'
import { sha256 } from '../../src/oci/digest.ts'
import { writeFiles } from '../e2e/support/context.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { xbuild, type Ended } from '../e2e/support/xbuild.ts'
import { startHostileNode, writeContent, type HostileNode, type SentBuild } from '../support/hostile-node.ts'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
import { item, tar } from '../support/tar.ts'

/** The real program builds on a node that asks for everything it should not get. */
const folder = tempFolder()
const store = join(folder, 'store')
const outside = join(folder, 'outside')
const layout = join(folder, 'layout')
const OUTSIDE = 'OUTSIDE-OF-THE-BUILD'

let node: HostileNode
let onBuild: (build: SentBuild) => Promise<Record<string, string>>
let agent: ChildProcess
let own: TestRegistry
let other: TestRegistry
let kept: string

beforeAll(async () => {
  writeFiles(folder, {
    'outside/secret': OUTSIDE,
    'outside/deep/secret': OUTSIDE,
    'context/Dockerfile': '',
    'context/file': 'inside',
    'context/.dockerignore': 'ignored\nprivate/*\n!private/shown\n',
    'context/ignored': OUTSIDE,
    'context/private/key': OUTSIDE,
    'context/private/shown': 'inside',
    'context/link': { link: join(outside, 'secret') },
    'context/up': { link: '../outside' },
    'context/root': { link: '/' },
    'extra/file': 'inside',
    'extra/link': { link: '../outside/secret' },
    'kept/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n',
    given: 'given-to-the-build',
    'layout/oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  })
  const blob = (text: string, media: string) => {
    const digest = sha256(Buffer.from(text))
    writeFiles(join(layout, 'blobs/sha256'), { [digest.slice(7)]: text })
    return { mediaType: `application/vnd.oci.image.${media}`, digest, size: text.length }
  }
  const config = blob(
    '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}',
    'config.v1+json',
  )
  const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [] }
  const image = blob(JSON.stringify(manifest), 'manifest.v1+json')
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [image] }))
  kept = blob(OUTSIDE, 'layer.v1.tar').digest
  execFileSync('mkfifo', [join(folder, 'context/pipe')])
  agent = spawn('ssh-agent', ['-D', '-a', join(folder, 'agent')], { stdio: 'ignore' })
  ;[own, other] = await Promise.all([startTestRegistry(), startTestRegistry()])
  for (const registry of [own, other])
    registry.intercepts.push((_request, response, { path }) => {
      if (path.startsWith('/token')) response.end('{"token":"token-of-the-user"}')
      else {
        const realm = `Bearer realm="http://${registry.host}/token",service="own"`
        response.writeHead(401, { 'www-authenticate': realm }).end('{}')
      }
      return true
    })
  const auth = btoa('user:password-of-the-user')
  const auths = Object.fromEntries([own, other].map(({ host }) => [host, { auth }]))
  writeFiles(join(folder, 'docker'), { 'config.json': JSON.stringify({ auths }) })
  node = await startHostileNode(join(folder, 'node'), (build) => onBuild(build))
  const first = await xbuild(['-o', 'type=cacheonly', join(folder, 'kept')], { store })
  expect(first.code, first.stderr).toBe(0)
})
afterAll(async () => {
  agent?.kill()
  await Promise.all([node?.stop(), own?.stop(), other?.stop()])
})

async function build(attack: typeof onBuild, args: readonly string[] = []): Promise<Ended> {
  onBuild = attack
  writeFileSync(join(folder, 'context/Dockerfile'), `FROM ${own.host}/team/base:1\nCOPY . /\n`)
  const all = ['--builder', node.endpoint, '--network', 'host', ...args]
  const env = { HOME: folder, DOCKER_CONFIG: join(folder, 'docker'), SSH_AUTH_SOCK: join(folder, 'agent') }
  return xbuild([...all, join(folder, 'context')], { store, env })
}

type Asked = { readonly got: unknown } | { readonly refused: string }

/** What came of a question, in words that a test can look for secrets in. */
async function ask(asking: Promise<unknown>): Promise<Asked> {
  const late = new Promise<never>((_, reject) => setTimeout(reject, 20_000, new Error('no answer')).unref())
  try {
    return { got: await Promise.race([asking, late]) }
  } catch (error) {
    return { refused: (error as Error).message }
  }
}

async function readAll<I extends DescMessage, O extends DescMessage>(
  session: GrpcClient,
  method: DescMethodServerStreaming<I, O> | DescMethodBiDiStreaming<I, O>,
  { request, metadata }: { request: MessageInitShape<I>; metadata: Readonly<Record<string, string>> },
): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const message of session.stream(method as DescMethodServerStreaming<I, O>, request, { metadata }))
    chunks.push((message as unknown as { readonly data: Uint8Array }).data)
  return Buffer.concat(chunks).toString()
}

interface Synced {
  readonly listed: readonly string[]
  readonly text: string
  readonly refused?: string
}

/** Takes a folder of the session: its list, then every file of it, then what is no file of it. */
async function sync(
  session: GrpcClient,
  dir: string,
  patterns: Readonly<Record<string, readonly string[]>> = {},
): Promise<Synced> {
  const call = session.open(FileSync.method.diffCopy, { metadata: { 'dir-name': dir, ...patterns } })
  const ended = call.ended.then(
    () => undefined,
    (error: Error) => error.message,
  )
  const listed: string[] = []
  const texts: Buffer[] = []
  let open = 0
  try {
    for await (const packet of call.messages) {
      if (packet.type === PACKET.ERR) texts.push(Buffer.from(packet.data))
      if (packet.type === PACKET.DATA) {
        texts.push(Buffer.from(packet.data))
        if (packet.data.length === 0 && (open -= 1) === 0) await call.send({ type: PACKET.REQ, ID: 1 << 20 })
      }
      if (packet.type !== PACKET.STAT) continue
      const { stat } = packet
      if (stat) {
        const isFile = (stat.mode & 0x8f280000) === 0 && stat.linkname === ''
        if (isFile) await call.send({ type: PACKET.REQ, ID: listed.length })
        if (isFile) open += 1
        listed.push(stat.path)
      } else if (open === 0) await call.send({ type: PACKET.REQ, ID: 0 })
    }
  } catch {
    // The end says why
  } finally {
    call.cancel()
  }
  const refused = await ended
  return { listed, text: Buffer.concat(texts).toString(), ...(refused === undefined ? {} : { refused }) }
}

describe('a node that asks for what it was not given', () => {
  const asked = new Map<string, Asked>()
  const synced = new Map<string, Synced>()
  let ended: Ended
  beforeAll(async () => {
    const args = [
      ...['--secret', `id=given,src=${join(folder, 'given')}`, '--ssh', 'default'],
      ...['--build-context', `extra=${join(folder, 'extra')}`, '--build-context', `laid=oci-layout://${layout}`],
    ]
    ended = await build(async ({ session, request }) => {
      for (const dir of ['', '.', '/', '..', '/etc', outside, 'context/../..', 'named-other', '__proto__', 'toString'])
        synced.set(`dir ${dir}`, await sync(session, dir))
      synced.set('context', await sync(session, 'context'))
      synced.set('extra', await sync(session, 'named-extra'))
      for (const path of [
        'link',
        'up/secret',
        'up/*',
        'up/deep/*',
        'root/etc/passwd',
        'root/*',
        '../outside/secret',
        '/..',
      ])
        synced.set(`follow ${path}`, await sync(session, 'context', { followpaths: [path] }))
      for (const pattern of ['../outside/**', outside, 'up/**', 'root/etc/**', '**/secret', '!**'])
        synced.set(`include ${pattern}`, await sync(session, 'context', { 'include-patterns': [pattern] }))
      synced.set('exclude', await sync(session, 'context', { 'exclude-patterns': ['file', '!ignored', '!**/key'] }))

      const blobs = readdirSync(join(store, 'blobs/sha256')).map((hex) => `sha256:${hex}`)
      const names = Object.values(request.FrontendAttrs).flatMap(
        (value) => /^oci-layout:\/\/(\w+)@/.exec(value)?.[1] ?? [],
      )
      for (const name of ['export', 'local', '', '__proto__', ...names.map((one) => `oci:${one}`)])
        for (const digest of [
          ...blobs,
          kept,
          `sha256:${'0'.repeat(64)}/../../../outside/secret`,
          'sha256:../../given',
        ]) {
          const metadata = { 'buildkit-attachable-store-id': name }
          const reading = { request: { digest }, metadata }
          asked.set(`blob ${name} ${digest}`, await ask(readAll(session, Content.method.read, reading)))
          asked.set(
            `blob info ${name} ${digest}`,
            await ask(session.unary(Content.method.info, { digest }, { metadata })),
          )
        }
      for (const urlpath of ['/context.tar', '/../../etc/passwd', join(outside, 'secret'), '/', ''])
        asked.set(
          `upload ${urlpath}`,
          await ask(readAll(session, Upload.method.pull, { request: {}, metadata: { urlpath } })),
        )
      for (const ID of ['', 'other', '../given', join(folder, 'given'), '__proto__', 'constructor', 'GIT_AUTH_TOKEN'])
        asked.set(`secret ${ID}`, await ask(session.unary(Secrets.method.getSecret, { ID })))
      asked.set('given', await ask(session.unary(Secrets.method.getSecret, { ID: 'given' })))
      for (const ID of ['other', join(folder, 'agent'), '__proto__'])
        asked.set(`agent ${ID}`, await ask(session.unary(SSH.method.checkAgent, { ID })))
      const requests = ['0000000113', '000000051600000000', '0000000211aa', '000000021baa']
      asked.set('agent requests', await ask(relay(session, requests.join(''), requests.length)))

      const token = (Host: string, realm: string, scope = 'repository:team/base:pull') =>
        ask(session.unary(Auth.method.fetchToken, { Host, Realm: realm, Service: 'own', Scopes: [scope] }))
      asked.set('token other', await token(other.host, `http://${other.host}/token`))
      asked.set('token docker.io', await token('registry-1.docker.io', 'https://auth.docker.io/token'))
      asked.set('token realm', await token(own.host, `http://${other.host}/token`))
      asked.set('token port', await token(own.host, `http://127.0.0.1:1/token`))
      await token(own.host, `http://${own.host}/token`, 'repository:team/base:pull,push,delete')
      await token(own.host, `http://${own.host}/token`, 'repository:team/secret:pull,push')
      asked.set('password own', await ask(session.unary(Auth.method.credentials, { Host: own.host })))
      asked.set('password other', await ask(session.unary(Auth.method.credentials, { Host: other.host })))

      asked.set('file', await ask(sendFile(session, tar([item({ path: '../../outside/new', data: 'x' })]))))
      const digest = sha256(Buffer.from('other'))
      asked.set('write', await ask(writeContent(session, 'export', { digest, data: Buffer.from('x') })))
      asked.set(
        'write layout',
        await ask(writeContent(session, `oci:${names[0]}`, { digest, data: Buffer.from('other') })),
      )
      throw new Error('that was all')
    }, args)
  })

  const refusedOf = (prefix: string) => [...asked].filter(([name]) => name.startsWith(prefix))

  test('ends the build', () => {
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('that was all') })
    expect(ended.stderr).not.toMatch(/^\s+at /m)
  })

  test('gets folders by their names, and no others', () => {
    for (const [name, { listed, refused }] of [...synced].filter(([name]) => name.startsWith('dir '))) {
      expect(listed, name).toEqual([])
      expect(refused, name).toContain('no folder')
    }
    expect(synced.get('extra')?.listed).toEqual(['file', 'link'])
  })

  test('sees links of the context, and nothing of what they lead to', () => {
    for (const [name, { listed, text }] of synced) {
      expect(text, name).not.toContain(OUTSIDE)
      expect(text, name).not.toContain('root:x:0')
      for (const path of listed)
        expect(path, name).toMatch(/^(Dockerfile|\.dockerignore|file|link|pipe|up|root|private|private\/shown)$/)
    }
    expect(synced.get('context')?.listed).toContain('up')
  })

  test('gets of the context what .dockerignore leaves in it, whatever it asks for', () => {
    expect(synced.get('context')?.listed).toEqual(expect.arrayContaining(['file', 'private', 'private/shown']))
    expect(synced.get('exclude')?.listed).toEqual(expect.arrayContaining(['private', 'private/shown']))
    for (const [name, { listed }] of synced) {
      expect(listed, name).not.toContain('ignored')
      expect(listed, name).not.toContain('private/key')
    }
  })

  test('gets no content that was not handed over', () => {
    expect(refusedOf('blob ').length).toBeGreaterThan(30)
    for (const [name, answer] of refusedOf('blob ')) expect(answer, name).toHaveProperty('refused')
    for (const [name, answer] of refusedOf('upload ')) expect(answer, name).toHaveProperty('refused')
  })

  test('gets the secret that the build names, and no others', () => {
    expect(refusedOf('secret ')).toHaveLength(7)
    for (const [name, answer] of refusedOf('secret ')) expect(answer, name).toHaveProperty('refused')
    const { data } = (asked.get('given') as { got: { data: Uint8Array } }).got
    expect(Buffer.from(data).toString()).toBe('given-to-the-build')
  })

  test('lists and signs with the agent that the build names, and does nothing else there', () => {
    for (const [name, answer] of refusedOf('agent ').slice(0, 3)) expect(answer, name).toHaveProperty('refused')
    expect(asked.get('agent requests')).toEqual({ got: '0000000105'.repeat(4) })
  })

  test('gets no login of a registry that the build does not name, and none at another place', () => {
    for (const [name, answer] of [...refusedOf('token '), ...refusedOf('password ')])
      expect(answer, name).toHaveProperty('refused')
    expect(other.seen).toEqual([])
    const tokens = own.seen.filter(({ path }) => path.startsWith('/token'))
    expect(
      tokens.map(({ path, headers }) => [
        new URL(path, 'http://x').searchParams.get('scope'),
        headers.authorization !== undefined,
      ]),
    ).toEqual([
      ['repository:team/base:pull', true],
      ['repository:team/secret:pull,push', false],
    ])
    expect(ended.stderr).toContain(`warning: The login for "${other.host}" was not given to the node`)
    expect(JSON.stringify([...asked])).not.toContain('password-of-the-user')
  })

  test('writes nothing but content that is what its digest says', () => {
    expect(asked.get('write')).toHaveProperty('refused')
    expect(asked.get('write layout')).toHaveProperty('refused')
    expect(existsSync(join(outside, 'new'))).toBe(false)
    expect(readdirSync(outside)).toEqual(['deep', 'secret'])
  })
})

/** What no line of a terminal may hold: controls of C0 and C1, and those that turn the direction of text. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const EVIL = '\u001b]0;owned\u0007\u001b[2J\u001b[31m\u009b1m\u202eevil\r'

describe('what a node says', () => {
  const at = { seconds: 1n, nanos: 0 }
  test.each(['plain', 'rawjson'])('reaches no terminal as more than text: %s', async (progress) => {
    const { code, stdout, stderr } = await build(
      async ({ tell }) => {
        const vertex = { digest: `sha256:${'1'.repeat(64)}`, name: `[1/1] RUN ${EVIL}name`, started: at }
        tell({ vertexes: [vertex] })
        tell({
          logs: [{ vertex: vertex.digest, stream: 1n, msg: Buffer.from(`${EVIL}line\n`), timestamp: at }],
          statuses: [{ vertex: vertex.digest, ID: `${EVIL}id`, current: 1n, total: 2n, timestamp: at }],
          warnings: [{ vertex: vertex.digest, short: Buffer.from(`${EVIL}warning`), url: EVIL }],
        })
        tell({
          vertexes: [
            { ...vertex, completed: at, error: `process "${EVIL}" did not complete successfully: exit code: 3` },
          ],
        })
        throw new GrpcFailure(GRPC.unknown, `${EVIL}failure\nsecond line`)
      },
      ['--progress', progress],
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: Cannot build on "unix:.*": evil$/m)
    expect(stdout + stderr).not.toMatch(CONTROLS)
  })

  test.each<[what: string, answer: (kept: string) => Record<string, string>]>([
    ['nothing', () => ({})],
    ['no digest', () => ({ 'containerimage.digest': `sha256:${EVIL}` })],
    ['an image of the store that it never sent', (digest) => ({ 'containerimage.digest': digest })],
  ])('its result is %s: nothing is taken, and the error says so', async (_, answer) => {
    const image = blobsOfStore().find(({ text }) => text.includes('"layers"'))!
    const { code, stderr } = await build(
      async () => answer(image.digest),
      ['-o', `type=oci,dest=${join(folder, 'out.tar')}`],
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: Cannot take the result|^error: .* is not a digest|^error: Cannot/m)
    expect(stderr).not.toMatch(CONTROLS)
    expect(existsSync(join(folder, 'out.tar'))).toBe(false)
  })

  test('its result may not have parts of other builds, whose digests it knows', async () => {
    const layer = blobsOfStore().find(({ text }) => !text.startsWith('{'))!
    const { code, stderr } = await build(async ({ session }) => {
      const config = Buffer.from(
        JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
      )
      const described = (media: string, digest: string, size: number) => ({
        mediaType: `application/vnd.oci.image.${media}`,
        digest,
        size,
      })
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: described('config.v1+json', sha256(config), config.length),
          layers: [described('layer.v1.tar+gzip', layer.digest, layer.size)],
        }),
      )
      for (const data of [config, manifest]) await writeContent(session, 'export', { digest: sha256(data), data })
      return { 'containerimage.digest': sha256(manifest) }
    })
    expect(code).toBe(1)
    expect(stderr).toContain(`Cannot take the result: ${layer.digest} was not sent`)
  })

  test('its files stay in the folder of the export', async () => {
    const out = join(folder, 'out')
    const archives = [
      [item({ path: '../outside/new', data: 'x' })],
      [item({ path: 'l', type: 'symlink', link: outside }), item({ path: 'l/new', data: 'x' })],
      [item({ path: 'l', type: 'symlink', link: outside }), item({ path: 'sub/f', data: 'x' })],
      [
        ...[item({ path: 'l/new', data: 'x' }), item({ path: `${outside}/new`, data: 'x' })],
        ...[item({ path: 'dev', type: 'char' }), item({ path: 'p', type: 'fifo' })],
      ],
    ]
    for (const items of archives) {
      await build(
        async ({ session, request }): Promise<Record<string, string>> => {
          if (request.Exporter === 'tar') {
            await sendFile(session, tar(items))
            return {}
          }
          const config = Buffer.from('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}')
          const manifest = Buffer.from(
            JSON.stringify({
              schemaVersion: 2,
              mediaType: 'application/vnd.oci.image.manifest.v1+json',
              config: {
                mediaType: 'application/vnd.oci.image.config.v1+json',
                digest: sha256(config),
                size: config.length,
              },
              layers: [],
            }),
          )
          for (const data of [config, manifest])
            await writeContent(session, 'export', { digest: sha256(data), data }).catch(() => undefined)
          return { 'containerimage.digest': sha256(manifest) }
        },
        ['-o', out],
      )
      expect(readdirSync(outside)).toEqual(['deep', 'secret'])
    }
    // Some of them did come out: the exports were made
    expect(existsSync(join(out, 'sub/f'))).toBe(true)
    expect(existsSync(join(out, 'l/new'))).toBe(true)
    expect(existsSync(join(out, 'dev'))).toBe(false)
  })
})

test('a node that knows no --resource is refused before anything is sent', async () => {
  let sent = 0
  const { code, stderr } = await build(async () => {
    sent += 1
    return {}
  }, ['--resource', 'memory=1g,pids=100'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^error: Cannot build on "unix:.*": BuildKit does not support --resource$/m)
  expect(stderr).toContain('hint: Leave it out, or build on this machine')
  expect(sent).toBe(0)
})

function blobsOfStore(): { readonly digest: string; readonly size: number; readonly text: string }[] {
  const blobs = join(store, 'blobs/sha256')
  return readdirSync(blobs).map((hex) => {
    const bytes = readFileSync(join(blobs, hex))
    return { digest: `sha256:${hex}`, size: bytes.length, text: bytes.toString('latin1') }
  })
}

/** Requests of an ssh agent, in hex, and that many answers. */
async function relay(session: GrpcClient, requests: string, answers: number): Promise<string> {
  const call = session.open(SSH.method.forwardAgent, { metadata: { 'buildkit.ssh.id': 'default' } })
  call.ended.catch(() => undefined)
  await call.send({ data: Buffer.from(requests, 'hex') })
  let got = ''
  for await (const { data } of call.messages) {
    got += Buffer.from(data).toString('hex')
    if (got.length >= answers * 10) break
  }
  call.cancel()
  return got
}

async function sendFile(session: GrpcClient, bytes: Buffer): Promise<void> {
  const call = session.open(FileSend.method.diffCopy)
  call.ended.catch(() => undefined)
  await call.send({ data: bytes })
  call.end()
  for await (const _ of call.messages) void _
  await call.ended
}
