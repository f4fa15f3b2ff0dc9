import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { formatEndpoint } from '../../src/config/endpoint.ts'
import { parseNode } from '../../src/config/node.ts'
import { currentEngine } from '../../src/nodes/docker-config.ts'
import { removeSavedNodes, saveNode, savedNodesFile, useNodes } from '../../src/nodes/saved.ts'
import { knownNodes, selectNodes } from '../../src/nodes/select.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BOARD = parseNode('board', { endpoint: 'ssh://pi@board' }, 'xbuild.yaml')

/** A home of its own, with these files. */
function home(files: Readonly<Record<string, unknown>> = {}): { readonly HOME: string } {
  const folder = tempFolder()
  for (const [path, value] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), typeof value === 'string' ? value : JSON.stringify(value))
  }
  return { HOME: folder }
}

function context(name: string, host: string, more: Readonly<Record<string, unknown>> = {}) {
  const id = createHash('sha256').update(name).digest('hex')
  return {
    [`.docker/contexts/meta/${id}/meta.json`]: {
      Name: name,
      Metadata: {},
      Endpoints: { docker: { Host: host, ...more } },
    },
  }
}

async function shown(
  named: readonly string[],
  env: Readonly<Record<string, string>>,
  configured = [BOARD],
): Promise<string[]> {
  return (await selectNodes({ named, configured, env })).map(
    ({ name, endpoint }) => `${name} ${formatEndpoint(endpoint)}`,
  )
}

test('without names: this machine, the nodes of xbuild.yaml, those in use, and what the environment names', async () => {
  const env = home(context('lab', 'ssh://u@lab'))
  expect(await shown([], env)).toEqual(['local local', 'board ssh://pi@board'])
  await saveNode('rack', { endpoint: 'tcp://rack:1234' }, { env, use: false })
  expect(await shown([], env)).toEqual(['local local', 'board ssh://pi@board'])
  await useNodes(['rack', 'lab'], env)
  const hosts = { DOCKER_HOST: 'tcp://d:2375', BUILDKIT_HOST: 'unix:///run/b.sock' }
  expect(await shown([], { ...env, ...hosts })).toEqual([
    'local local',
    'board ssh://pi@board',
    'rack tcp://rack:1234',
    'lab ssh://u@lab',
    'buildkit-host unix:///run/b.sock',
    'docker-host tcp://d:2375',
  ])
})

test('with names: those and no others', async () => {
  const env = home({ ...context('lab', 'ssh://u@lab'), '.docker/config.json': { currentContext: 'lab' } })
  const all = { ...env, DOCKER_HOST: 'tcp://d:2375' }
  expect(await shown(['board', 'lab'], all)).toEqual(['board ssh://pi@board', 'lab ssh://u@lab'])
  expect(await shown(['local', 'unix:///x.sock'], all)).toEqual(['local local', 'unix:///x.sock unix:///x.sock'])
  await expect(shown(['boart'], all)).rejects.toMatchObject({ code: 'BAD_OPTION', hint: 'Did you mean "board"?' })
})

test('one endpoint is one node, and one name is one node', async () => {
  const configured = [BOARD, parseNode('twin', { endpoint: 'ssh://pi@board' }, 'xbuild.yaml')]
  expect(await shown([], { ...home(), DOCKER_HOST: 'ssh://pi@board' }, configured)).toEqual([
    'local local',
    'board ssh://pi@board',
  ])
  const env = home({
    '.docker/buildx/instances/b': {
      Name: 'b',
      Driver: 'remote',
      Nodes: [
        { Name: 'n', Endpoint: 'tcp://a:1' },
        { Name: 'n', Endpoint: 'tcp://b:1' },
      ],
    },
  })
  expect(await shown(['b'], env)).toEqual(['n tcp://a:1', 'n-2 tcp://b:1'])
})

test('Docker contexts bring their certificates', async () => {
  const id = createHash('sha256').update('tls').digest('hex')
  const env = home({
    ...context('tls', 'tcp://t:2376'),
    [`.docker/contexts/tls/${id}/docker/ca.pem`]: 'x',
    ...context('lax', 'tcp://l:2376', { SkipTLSVerify: true }),
    ...context('odd', 'fd://'),
  })
  expect(await shown(['tls'], env)).toEqual([
    `tls tcp://t:2376?ca=${env.HOME}/.docker/contexts/tls/${id}/docker/ca.pem`,
  ])
  expect(await shown(['lax'], env)).toEqual(['lax tcp://l:2376?insecure=true'])
  await expect(shown(['odd'], env)).rejects.toThrow('unknown scheme "fd://"')
})

test.each([
  [
    'docker-container',
    'unix:///d.sock',
    { image: 'i:1', network: 'host' },
    'docker-container://buildx_buildkit_n?context=unix:///d.sock&image=i%3A1&network=host',
  ],
  [
    'docker-container',
    'default',
    null,
    'docker-container://buildx_buildkit_n?context=default&image=moby/buildkit%3Abuildx-stable-1',
  ],
  [
    'remote',
    'tcp://r:1',
    { cacert: '/ca', cert: '/c', key: '/k', servername: 's' },
    'tcp://r:1?ca=/ca&cert=/c&key=/k&servername=s',
  ],
  ['remote', 'ssh://u@h', null, 'ssh://u@h'],
  ['docker', 'lab', null, 'ssh://u@lab'],
])('buildx builder of driver %s at %s', async (driver, endpoint, options, expected) => {
  const env = home({
    ...context('lab', 'ssh://u@lab'),
    'bx/instances/b': {
      Name: 'b',
      Driver: driver,
      Nodes: [
        { Name: 'n', Endpoint: endpoint, Platforms: [{ os: 'linux', architecture: 'arm64' }], DriverOpts: options },
      ],
    },
  })
  const [node] = await selectNodes({
    named: ['b'],
    configured: [],
    env: { ...env, BUILDX_CONFIG: join(env.HOME, 'bx') },
  })
  expect(formatEndpoint(node!.endpoint).replaceAll('%3A', ':')).toBe(expected.replaceAll('%3A', ':'))
  expect(node).toMatchObject({
    name: 'n',
    platforms: [{ os: 'linux', architecture: 'arm64' }],
    origin: 'buildx builder "b"',
  })
})

test.each([
  [{ Name: 'b', Driver: 'kubernetes', Nodes: [{ Name: 'n' }] }, /does not know its driver "kubernetes"/],
  [{ Name: 'b', Driver: 'remote', Nodes: [] }, /it has no nodes/],
  [{ Name: 'b', Driver: 'docker', Nodes: [{ Endpoint: 'gone' }] }, /no Docker context "gone"/],
  ['{', /not a JSON object/],
])('buildx builder %j cannot be used', async (instance, message) => {
  await expect(
    selectNodes({ named: ['b'], configured: [], env: home({ '.docker/buildx/instances/b': instance }) }),
  ).rejects.toThrow(message)
})

test('the engine that docker talks to', async () => {
  const env = home({
    ...context('lab', 'ssh://u@lab'),
    ...context('two', 'tcp://two'),
    '.docker/config.json': { currentContext: 'lab' },
  })
  const shownOf = async (more: Readonly<Record<string, string>>) =>
    formatEndpoint(await currentEngine({ ...env, ...more }))
  expect(await shownOf({})).toBe('ssh://u@lab')
  expect(await shownOf({ DOCKER_CONTEXT: 'two' })).toBe('tcp://two:2375')
  expect(await shownOf({ DOCKER_HOST: 'unix:///d.sock', DOCKER_CONTEXT: 'two' })).toBe('unix:///d.sock')
  expect(await shownOf({ DOCKER_HOST: 'tcp://d:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/c' })).toBe(
    'tcp://d:2376?ca=/c/ca.pem&cert=/c/cert.pem&key=/c/key.pem',
  )
})

test('the file of xbuild node: added, changed, used, removed; a damaged one is not written over', async () => {
  const env = home()
  await saveNode('rack', { endpoint: 'tcp://rack:1' }, { env, use: true })
  await saveNode('rack', { endpoint: 'tcp://rack:2' }, { env, use: true })
  expect(await shown([], env, [])).toEqual(['local local', 'rack tcp://rack:2'])
  await expect(removeSavedNodes(['rack', 'other'], env)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    hint: 'The nodes are rack',
  })
  await removeSavedNodes(['rack'], env)
  expect((await knownNodes({ configured: [], env })).map(({ name }) => name)).toEqual(['local'])
  writeFileSync(savedNodesFile(env), '{"nodes": {"x": 1}}')
  await expect(saveNode('rack', { endpoint: 'tcp://rack:1' }, { env, use: false })).rejects.toThrow(
    'its content is not in the format of xbuild node',
  )
})
