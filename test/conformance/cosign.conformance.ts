import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { baseLayout } from '../e2e/support/examples.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { writeFiles } from '../e2e/support/context.ts'
import { run, runOk, xbuild } from '../e2e/support/xbuild.ts'
import { debianProgram } from '../support/debian-program.ts'
import { startRegistry } from '../support/registry-debian.ts'
import { ISSUER, startSigstore, tokenOf } from '../support/sigstore.ts'

// Signatures between xbuild and the cosign of Debian, on a registry without lists of referrers
const folder = tempFolder()
const OPENED = { COSIGN_PASSWORD: 'secret' }
const env = { ...OPENED, PATH: `${folder}/bin:${process.env['PATH']}` }
let registry: Awaited<ReturnType<typeof startRegistry>>
let cosign: string

const at = (name: string) => `${registry.host}/${name}`
const key = (name: string) => join(folder, `${name}.key`)
const verifies = (ref: string, name: string) =>
  run(cosign, ['verify', '--insecure-ignore-tlog=true', '--key', join(folder, `${name}.pub`), at(ref)])
const image = (...args: string[]) => xbuild(['image', ...args], { cwd: folder, store: join(folder, 'store'), env })

async function push(ref: string, ...args: string[]): Promise<void> {
  const context = `base=oci-layout://${await baseLayout('busybox')}`
  const build = ['--platform', 'linux/arm64,linux/amd64', '--build-context', context, '-t', at(ref), '--push']
  const ended = await xbuild([...build, ...args, 'context'], { cwd: folder, store: join(folder, 'store'), env })
  expect(ended.code, ended.stderr).toBe(0)
}

beforeAll(async () => {
  registry = await startRegistry()
  cosign = await debianProgram('cosign', inject('conformance').cache)
  writeFiles(join(folder, 'context'), { Dockerfile: 'FROM base\n' })
  writeFiles(join(folder, 'bin'), { cosign: `#!/bin/sh\nexec ${cosign} "$@"\n` })
  chmodSync(join(folder, 'bin/cosign'), 0o755)
  for (const name of ['own', 'other'])
    await runOk(cosign, ['generate-key-pair', '--output-key-prefix', join(folder, name)], { env: OPENED })
}, 300_000)

afterAll(() => registry?.stop())

test('cosign takes signatures of xbuild, by the key that made them', async () => {
  await push('ours:1', '--sign', `key=${key('own')}`)
  expect(await verifies('ours:1', 'own')).toMatchObject({ code: 0 })
  expect((await verifies('ours:1', 'other')).code).not.toBe(0)
})

test('xbuild takes signatures of cosign, and shows and copies them', async () => {
  await push('theirs:1', '--sign', `cosign,key=${key('own')},tlog=false`)
  expect(await verifies('theirs:1', 'own')).toMatchObject({ code: 0 })
  expect((await image('verify', '--key', join(folder, 'own.pub'), at('theirs:1'))).code).toBe(0)
  expect((await image('verify', '--key', join(folder, 'other.pub'), at('theirs:1'))).code).toBe(1)
  expect((await image('inspect', at('theirs:1'))).stdout).toMatch(/Referrer of sha256:\S+: sha256:\S+ \(signature\)/)
  expect((await image('copy', at('theirs:1'), at('copy:1'))).code).toBe(0)
  expect(await verifies('copy:1', 'own')).toMatchObject({ code: 0 })
})

test('xbuild takes signatures in the form of cosign 2, copies them, and keeps them', async () => {
  const old = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false', '--yes']
  const oldVerifies = (ref: string, name: string) =>
    run(cosign, [
      ...['verify', '--new-bundle-format=false', '--insecure-ignore-tlog=true', '--key', join(folder, `${name}.pub`)],
      at(ref),
    ])
  const xbuildVerifies = (ref: string, name: string) => image('verify', '--key', join(folder, `${name}.pub`), at(ref))
  await push('old:1')
  const digest = JSON.parse((await image('inspect', '--json', at('old:1'))).stdout).digest
  const sign = (repository: string, name: string) =>
    runOk(cosign, ['sign', ...old, '--key', key(name), at(`${repository}@${digest}`)], { env: OPENED })
  await sign('old', 'own')
  expect((await xbuildVerifies('old:1', 'own')).code).toBe(0)
  const other = await xbuildVerifies('old:1', 'other')
  expect(other.code).toBe(1)
  expect(other.stdout).toContain('it has 1 other signatures')

  expect((await image('copy', at('old:1'), at('new:1'))).code).toBe(0)
  expect(await oldVerifies('new:1', 'own')).toMatchObject({ code: 0 })
  expect((await xbuildVerifies('new:1', 'own')).code).toBe(0)
  const prune = await image('prune', at('new'))
  expect(prune.stdout, prune.stderr).not.toContain('sha256-')

  // A signature that was added at the source comes later; one of the destination is not lost
  await sign('old', 'other')
  expect((await image('copy', at('old:1'), at('new:1'))).code).toBe(0)
  expect(await oldVerifies('new:1', 'other')).toMatchObject({ code: 0 })
  await push('third:1')
  await sign('third', 'other')
  const kept = await image('copy', at('old:1'), at('third:1'))
  expect(kept.stderr).toContain('has other signatures under this tag')
  expect(await oldVerifies('third:1', 'other')).toMatchObject({ code: 0 })
})

test('cosign and xbuild take signatures of each other that have no key, by the identity that made them', async () => {
  const sigstore = await startSigstore()
  try {
    const root = writeFiles(folder, {
      'root.json': JSON.stringify(sigstore.trustedRoot),
      'config.json': JSON.stringify(sigstore.signingConfig),
    })
    const exp = Math.floor(Date.now() / 1000) + 3600
    const token = tokenOf({ sub: '1', email: 'me@example.test', email_verified: true, exp })
    const own = { ...env, SIGSTORE_ID_TOKEN: token }
    const asked = (name: string) => [
      ...['--certificate-identity', name, '--certificate-oidc-issuer', ISSUER],
      ...['--trusted-root', join(root, 'root.json')],
    ]
    const byCosign = (ref: string, name: string) =>
      run(cosign, [
        ...['verify', '--insecure-ignore-sct', '--allow-http-registry', ...asked(name)],
        // Logs of the second version tell no time
        ...(ref === 'log:1' ? [] : ['--use-signed-timestamps']),
        at(ref),
      ])
    const urls = ['--fulcio-url', sigstore.url, '--rekor-url', sigstore.url]
    const sign = (ref: string, ...more: string[]) =>
      xbuild(['image', 'sign', ...more, at(ref)], { cwd: folder, store: join(folder, 'store'), env: own })
    const clock = ['--timestamp-server-url', sigstore.timestampUrl, '--trusted-root', 'root.json']
    for (const [ref, more] of [
      ['log:1', urls],
      ['clock:1', [...urls, ...clock]],
      ['second:1', ['--signing-config', 'config.json', '--trusted-root', 'root.json']],
    ] as const) {
      await push(ref)
      expect(await sign(ref, ...more)).toMatchObject({ code: 0 })
      expect(await byCosign(ref, 'me@example.test')).toMatchObject({ code: 0 })
      expect((await byCosign(ref, 'you@example.test')).code).not.toBe(0)
    }
    const alone = ['--yes', '--allow-http-registry', '--trusted-root', join(root, 'root.json')]
    for (const [name, services] of [
      ['theirlog', ['--use-signing-config=false', ...urls]],
      ['theirsecond', ['--signing-config', join(root, 'config.json')]],
    ] as const) {
      await push(`${name}:1`)
      const digest = JSON.parse((await image('inspect', '--json', at(`${name}:1`))).stdout).digest
      await runOk(cosign, ['sign', ...alone, ...services, '--identity-token', token, at(`${name}@${digest}`)], { env })
      expect((await image('verify', ...asked('me@example.test'), at(`${name}:1`))).code, name).toBe(0)
      expect((await image('verify', ...asked('you@example.test'), at(`${name}:1`))).code, name).toBe(1)
    }
  } finally {
    await sigstore.stop()
  }
})

test('both sign one image', async () => {
  await push('both:1', '--sign', `cosign,key=${key('own')},tlog=false`)
  expect((await image('sign', '--key', key('other'), at('both:1'))).code).toBe(0)
  for (const name of ['own', 'other']) {
    expect(await verifies('both:1', name)).toMatchObject({ code: 0 })
    expect((await image('verify', '--key', join(folder, `${name}.pub`), at('both:1'))).code).toBe(0)
  }
})
