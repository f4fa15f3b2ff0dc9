import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeElf } from '../audit/support/elf.ts'
import { xbuild } from './support/xbuild.ts'

let folder: string
let options: { cwd: string; store: string }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xbuild-audit-'))
  options = { cwd: folder, store: join(folder, 'store') }
  writeFileSync(join(folder, 'tool-amd64'), makeElf({ machine: 62 }), { mode: 0o755 })
  writeFileSync(join(folder, 'tool-arm64'), makeElf({ machine: 183 }), { mode: 0o755 })
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM scratch AS base\nARG TARGETARCH=amd64\nCOPY tool-amd64 /usr/bin/tool\n\nFROM base AS last\nCMD ["tool"]\n',
  )
  writeFileSync(
    join(folder, 'good'),
    'FROM scratch\nARG TARGETARCH\nCOPY tool-$TARGETARCH /usr/bin/tool\nCMD ["tool"]\n',
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const BOTH = ['--platform', 'linux/amd64,linux/arm64']

test('a program of another platform is warned of with its line, in the first build and in the next', async () => {
  for (const again of [false, true]) {
    const { code, stderr } = await xbuild(['--progress', 'plain', '--audit=warn', ...BOTH, '.'], options)
    expect(code, String(again)).toBe(0)
    expect(stderr).toContain('linux/arm64: "/usr/bin/tool" is for linux/amd64 (CMD, stage base)')
    expect(stderr).toContain('linux/amd64 has the same layer')
    expect(stderr).toContain('Dockerfile:3')
    expect(stderr).not.toContain('linux/amd64: "/usr')
  }
})

test('nothing is published by default', async () => {
  const { code, stderr } = await xbuild([...BOTH, '-o', 'type=oci,dest=out', '.'], options)
  expect(code).toBe(1)
  expect(stderr).toContain('Cannot publish linux/arm64: "/usr/bin/tool" is for linux/amd64')
  expect(existsSync(join(folder, 'out'))).toBe(false)
})

test('every platform is told, whichever ends the build', async () => {
  const platforms = ['--platform', 'linux/arm64,linux/riscv64']
  const { code, stderr } = await xbuild(['--progress', 'plain', ...platforms, '.'], options)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^error: Cannot publish linux\/arm64: /m)
  expect(stderr).toMatch(/^warning: Cannot publish linux\/riscv64: /m)
})

test('folders and tar files are written with a warning', async () => {
  const { code, stderr } = await xbuild(['--platform', 'linux/arm64', '-o', 'type=local,dest=files', '.'], options)
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('warning: linux/arm64: "/usr/bin/tool" is for linux/amd64')
  expect(existsSync(join(folder, 'files/usr/bin/tool'))).toBe(true)
})

test('exceptions, --audit=off and right programs are silent', async () => {
  const silent = [
    ['--audit=error', '--audit-except', '/usr/bin/to*', '.'],
    ['--audit=off', '.'],
    ['--audit=error', '-f', 'good', '.'],
  ]
  for (const args of silent) {
    const { code, stderr } = await xbuild(['--progress', 'plain', ...BOTH, ...args], options)
    expect(code, stderr).toBe(0)
    expect(stderr).not.toContain('is for linux')
  }
})

test('images of xbuild.yaml, bake and compose files are audited as the flags and xbuild.yaml say', async () => {
  const cwd = join(folder, 'several')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'tool'), makeElf({ machine: 62 }), { mode: 0o755 })
  writeFileSync(join(cwd, 'Dockerfile'), 'FROM scratch\nCOPY tool /usr/bin/tool\nCMD ["tool"]\n')
  writeFileSync(join(cwd, 'docker-bake.json'), '{"target":{"default":{"platforms":["linux/arm64"]}}}')
  writeFileSync(join(cwd, 'compose.yaml'), 'services: {app: {build: {context: ., platforms: [linux/arm64]}}}')
  const images = 'images: {app: {context: ., platforms: [linux/arm64]}}\n'
  const commands = [[], ['bake', '-f', 'docker-bake.json'], ['compose', 'build']]
  for (const command of commands) {
    writeFileSync(join(cwd, 'xbuild.yaml'), images)
    const byFlag = await xbuild([...command, '--audit=error'], { ...options, cwd })
    expect(byFlag.code, command.join(' ')).toBe(1)
    expect(byFlag.stderr).toContain('Cannot publish linux/arm64: "/usr/bin/tool" is for linux/amd64')
    writeFileSync(join(cwd, 'xbuild.yaml'), `audit: error\n${images}`)
    expect((await xbuild(command, { ...options, cwd })).code, command.join(' ')).toBe(1)
    writeFileSync(join(cwd, 'xbuild.yaml'), `audit: error\naudit-except: [/usr/bin/tool]\n${images}`)
    const excepted = await xbuild(command, { ...options, cwd })
    expect(excepted.code, excepted.stderr).toBe(0)
    expect(excepted.stderr).not.toContain('is for linux')
  }
})

test('an image of which another one only takes files is not audited by itself', async () => {
  const cwd = join(folder, 'needed')
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'tool'), makeElf({ machine: 62 }), { mode: 0o755 })
  const bake = {
    default: {
      contexts: { files: 'target:files' },
      'dockerfile-inline': 'FROM scratch\nCOPY --from=files /usr/bin/tool /data/tool\n',
      platforms: ['linux/amd64'],
    },
    files: {
      'dockerfile-inline': 'FROM scratch\nCOPY tool /usr/bin/tool\nCMD ["/usr/bin/tool", "/missing"]\n',
      platforms: ['linux/amd64', 'linux/arm64'],
    },
  }
  writeFileSync(join(cwd, 'docker-bake.json'), JSON.stringify({ target: bake }))
  const { code, stderr } = await xbuild(['bake', '--audit=error'], { ...options, cwd })
  expect(code, stderr).toBe(0)
  expect((await xbuild(['bake', '--audit=error', 'files'], { ...options, cwd })).code).toBe(1)
})
