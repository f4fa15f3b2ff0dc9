import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
    const { code, stderr } = await xbuild(['--progress', 'plain', ...BOTH, '.'], options)
    expect(code, String(again)).toBe(0)
    expect(stderr).toContain('linux/arm64: "/usr/bin/tool" is for linux/amd64 (CMD, stage base)')
    expect(stderr).toContain('linux/amd64 has the same layer')
    expect(stderr).toContain('Dockerfile:3')
    expect(stderr).not.toContain('linux/amd64: "/usr')
  }
})

test('--audit=error publishes nothing', async () => {
  const { code, stderr } = await xbuild(['--audit=error', ...BOTH, '-o', 'type=oci,dest=out', '.'], options)
  expect(code).toBe(1)
  expect(stderr).toContain('Cannot publish linux/arm64: "/usr/bin/tool" is for linux/amd64')
  expect(existsSync(join(folder, 'out'))).toBe(false)
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
