import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCredentials } from '../../src/registry/credentials.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-credentials-'))
  const helper = (name: string, script: string) =>
    writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  await helper(
    'works',
    'read -r host; printf \'{"ServerURL":"%s","Username":"%s","Secret":"from %s"}\' "$host" "$1" "$host"',
  )
  await helper('token', 'echo \'{"Username":"<token>","Secret":"refresh"}\'')
  await helper('empty', 'echo "credentials not found in native keychain"; exit 1')
  await helper('broken', 'echo "top secret"; exit 3')
  await helper('babbles', 'echo hello')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const pair = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
const password = (username: string, secret: string) => ({ kind: 'password', username, password: secret })

describe('auths', () => {
  test.each([
    ['ghcr.io', 'o/r', { 'ghcr.io': pair('u:p') }, password('u', 'p')],
    ['ghcr.io', 'o/r', { 'ghcr.io': pair('u:p:q') }, password('u', 'p:q')],
    ['ghcr.io', 'o/r', { 'https://ghcr.io': pair('u:p') }, password('u', 'p')],
    ['ghcr.io', 'o/r', { 'https://ghcr.io/v2/': pair('u:p') }, password('u', 'p')],
    ['ghcr.io', 'o/r', { 'ghcr.io/v1/': pair('u:p') }, password('u', 'p')],
    ['ghcr.io', 'o/r', { 'ghcr.io': { username: 'u', password: 'p' } }, password('u', 'p')],
    ['docker.io', 'library/a', { 'https://index.docker.io/v1/': pair('u:p') }, password('u', 'p')],
    ['docker.io', 'library/a', { 'docker.io': pair('u:p') }, password('u', 'p')],
    ['docker.io', 'library/a', { 'index.docker.io': pair('u:p') }, password('u', 'p')],
    [
      'quay.io',
      'a/b/c',
      { 'quay.io': pair('x:x'), 'quay.io/a': pair('y:y'), 'quay.io/a/b': pair('u:p') },
      password('u', 'p'),
    ],
    ['quay.io', 'a/b', { 'quay.io/a/bb': pair('x:x'), 'quay.io/other': pair('y:y') }, { kind: 'none' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': { identitytoken: 't', ...pair('u:p') } }, { kind: 'identity', token: 't' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': { registrytoken: 't' } }, { kind: 'registry', token: 't' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': {} }, { kind: 'none' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': pair('nocolon') }, { kind: 'none' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': { auth: 7 } }, { kind: 'none' }],
    ['ghcr.io', 'o/r', { 'ghcr.io': null }, { kind: 'none' }],
    ['ghcr.io', 'o/r', { 'evil-ghcr.io': pair('u:p'), 'ghcr.io.evil': pair('u:p') }, { kind: 'none' }],
    ['ghcr.io:444', 'o/r', { 'ghcr.io': pair('u:p') }, { kind: 'none' }],
  ])('%s/%s in %j', async (host, repository, auths, credential) => {
    const { find } = await credentials({ auths })
    expect(await find(host, repository)).toMatchObject(credential)
  })
})

describe('helpers', () => {
  const auths = { 'ghcr.io': pair('file:file') }
  test.each([
    ['a store', 'ghcr.io', { credsStore: 'works' }, password('get', 'from ghcr.io'), 0],
    [
      'a store, asked for Docker Hub',
      'docker.io',
      { credsStore: 'works' },
      password('get', 'from https://index.docker.io/v1/'),
      0,
    ],
    [
      'a helper, then the store',
      'ghcr.io',
      { credsStore: 'broken', credHelpers: { 'ghcr.io': 'works' } },
      password('get', 'from ghcr.io'),
      0,
    ],
    ['an identity token', 'ghcr.io', { credsStore: 'token' }, { kind: 'identity', token: 'refresh' }, 0],
    ['nothing in it', 'ghcr.io', { credsStore: 'empty' }, { kind: 'none' }, 0],
    ['nothing in it, but in auths', 'ghcr.io', { credsStore: 'empty', auths }, password('file', 'file'), 0],
    ['an exit status', 'ghcr.io', { credsStore: 'broken', auths }, password('file', 'file'), 1],
    ['no JSON', 'ghcr.io', { credsStore: 'babbles' }, { kind: 'none' }, 1],
    ['no such program', 'ghcr.io', { credsStore: 'missing' }, { kind: 'none' }, 1],
    ['a path', 'ghcr.io', { credsStore: '../../bin/sh' }, { kind: 'none' }, 1],
    ['another host', 'quay.io', { credHelpers: { 'ghcr.io': 'works' } }, { kind: 'none' }, 0],
  ])('%s', async (_what, host, file, credential, problems) => {
    const { find, said } = await credentials(file)
    expect(await find(host, 'o/r')).toMatchObject(credential)
    expect(await find(host, 'o/r')).toMatchObject(credential)
    expect(said).toHaveLength(problems)
    expect(said.join()).not.toContain('top secret')
  })
})

describe('files', () => {
  test('the more explicit wins', async () => {
    const home = await mkdtemp(join(folder, 'home-'))
    const write = async (path: string, name: string) => {
      await mkdir(join(home, path, '..'), { recursive: true })
      await writeFile(join(home, path), JSON.stringify({ auths: { 'r.io': pair(`${name}:x`) } }))
    }
    await write('.config/containers/auth.json', 'config')
    const env: Record<string, string> = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') }
    const who = async () => (await createCredentials({ env, say: () => {} }).find('r.io', 'a')) as { username?: string }
    expect(await who()).toMatchObject({ username: 'config' })
    await write('run/containers/auth.json', 'run')
    expect(await who()).toMatchObject({ username: 'run' })
    await write('.docker/config.json', 'docker')
    expect(await who()).toMatchObject({ username: 'docker' })
    await write('explicit.json', 'explicit')
    env['REGISTRY_AUTH_FILE'] = join(home, 'explicit.json')
    expect(await who()).toMatchObject({ username: 'explicit' })
    env['DOCKER_AUTH_CONFIG'] = JSON.stringify({ auths: { 'r.io': pair('variable:x') } })
    expect(await who()).toMatchObject({ username: 'variable' })
  })

  test.each(['', '{', '[]', 'null', '"text"'])('one that holds %j is named and passed over', async (text) => {
    const { find, said } = await credentials(text)
    expect(await find('r.io', 'a')).toEqual({ kind: 'none' })
    expect(said).toEqual([expect.stringMatching(/^Cannot read credentials ".*config.json": it is not the JSON/)])
  })

  test('wrong shapes inside are left out', async () => {
    const { find, said } = await credentials({ auths: [1], credHelpers: 'x', credsStore: 5 })
    expect(await find('r.io', 'a')).toEqual({ kind: 'none' })
    expect(said).toEqual([])
  })
})

async function credentials(file: object | string) {
  const home = await mkdtemp(join(folder, 'docker-'))
  await writeFile(join(home, 'config.json'), typeof file === 'string' ? file : JSON.stringify(file))
  const said: string[] = []
  const env = { HOME: home, DOCKER_CONFIG: home, PATH: `${folder}:/usr/bin:/bin` }
  return { said, ...createCredentials({ env, say: (line) => said.push(line) }) }
}
