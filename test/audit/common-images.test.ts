import { expect, test } from 'vitest'
import { isFatal } from '../../src/audit/findings.ts'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { judge } from '../../src/audit/judge.ts'
import type { ContainerConfig } from '../../src/oci/manifest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { makeElf } from './support/elf.ts'
import { scanLayer, type MadeFile } from './support/layer.ts'

const AMD64 = { bytes: makeElf({ machine: 62 }) }
const ARM64 = { bytes: makeElf({ machine: 183 }) }
const ARM = { bytes: makeElf({ machine: 40, wide: false }) }

/** A program of Windows with machine code: nothing but its headers. */
function makePe(): Buffer {
  const pe = Buffer.alloc(64 + 24 + 240)
  pe.write('MZ')
  pe.writeUInt32LE(64, 60)
  pe.write('PE\0\0', 64)
  pe.writeUInt16LE(34404, 68)
  pe.writeUInt16LE(240, 84)
  pe.writeUInt16LE(0x20b, 88)
  return pe
}

/** What ends a build: path and reason. */
function fatal(
  files: Readonly<Record<string, MadeFile>>,
  config: ContainerConfig = {},
  platform = 'linux/arm64',
): string[] {
  const tree = mergeLayers([scanLayer(files)])
  const { findings } = judge({ platform: parsePlatform(platform), config, tree, isWhole: true })
  return findings.filter(isFatal).map(({ path, because }) => `${path} (${because})`)
}

test('a distribution that is built for newer CPUs only, as those of RHEL 9, is as its makers want it', () => {
  const glibc = (isa: number) => ({ bytes: makeElf({ machine: 62, type: 3, isa }) })
  const loader = '/lib64/ld-linux-x86-64.so.2'
  const files = {
    'usr/bin/bash': { bytes: makeElf({ machine: 62, type: 3, loader, needed: ['libc.so.6'] }) },
    'lib64/libc.so.6': glibc(0b11),
    'lib64/ld-linux-x86-64.so.2': glibc(0b11),
  }
  expect(fatal(files, {}, 'linux/amd64')).toEqual([])
  expect(
    fatal({ ...files, 'usr/bin/own': { bytes: makeElf({ machine: 62, isa: 0b100 }) } }, {}, 'linux/amd64'),
  ).toEqual(['/usr/bin/own (PATH)'])
})

test('an emulator of user mode for the host, as many images for boards carry it, is not started by its name', () => {
  expect(fatal({ 'usr/bin/qemu-aarch64-static': AMD64 })).toEqual([])
  expect(fatal({ 'usr/bin/qemu-aarch64-static': AMD64 }, { Entrypoint: ['/usr/bin/qemu-aarch64-static'] })).toEqual([
    '/usr/bin/qemu-aarch64-static (ENTRYPOINT)',
  ])
})

test('what an emulator, a debugger or another program is given to read is not started by the kernel', () => {
  const files = { 'usr/bin/wine': ARM64, 'usr/bin/qemu-arm': ARM64, 'app/a.exe': { bytes: makePe() }, 'fw/k.elf': ARM }
  expect(fatal(files, { Cmd: ['wine', '/app/a.exe'] }, 'linux/arm64')).toEqual([])
  expect(fatal(files, { Cmd: ['/bin/sh', '-c', 'exec wine /app/a.exe'] }, 'linux/arm64')).toEqual([])
  const onAmd64 = { 'usr/bin/qemu-arm': AMD64, 'fw/k.elf': ARM }
  expect(fatal(onAmd64, { Entrypoint: ['qemu-arm', '/fw/k.elf'] }, 'linux/amd64')).toEqual([])
  expect(fatal(onAmd64, { Entrypoint: ['tini', '--', '/fw/k.elf'] }, 'linux/amd64')).toEqual(['/fw/k.elf (ENTRYPOINT)'])
  expect(fatal({ 'app/a.exe': { bytes: makePe() } }, { Cmd: ['/app/a.exe'] })).toEqual(['/app/a.exe (CMD)'])
})

test('of programs that lie side by side for several CPUs, a script takes its own', () => {
  const files = { 'usr/local/bin/gosu-amd64': AMD64, 'usr/local/bin/gosu-arm64': ARM64 }
  expect(fatal(files)).toEqual([])
  expect(fatal(files, { Entrypoint: ['gosu-amd64'] })).toEqual(['/usr/local/bin/gosu-amd64 (ENTRYPOINT)'])
  expect(fatal({ 'usr/local/bin/gosu-amd64': AMD64 })).toEqual(['/usr/local/bin/gosu-amd64 (PATH)'])
})

test.each([
  ['-Sdeno run --allow-net', []],
  ['-vSdeno run', []],
  ['--split-string=deno run', []],
  ['-S -u HOME deno run', []],
  ['-S -C /srv A=b deno run', []],
  ['-S PATH=/opt/x other', []],
  ["-S 'deno' run", []],
  ['-S missing run', ['/app (ENTRYPOINT)']],
  ['-Smissing run', ['/app (ENTRYPOINT)']],
  ['missing', ['/app (ENTRYPOINT)']],
])('#!/usr/bin/env %s', (words, expected) => {
  const files = { 'usr/bin/env': ARM64, 'usr/bin/deno': ARM64, app: { bytes: `#!/usr/bin/env ${words}\n` } }
  expect(fatal(files, { Entrypoint: ['/app'] })).toEqual(expected)
})
