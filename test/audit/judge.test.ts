import { expect, test } from 'vitest'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { judge } from '../../src/audit/judge.ts'
import type { ContainerConfig } from '../../src/oci/manifest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { makeElf } from './support/elf.ts'
import { scanLayer, type MadeFile } from './support/layer.ts'

const arm64 = { bytes: makeElf({ machine: 183 }) }
const amd64 = { bytes: makeElf({ machine: 62 }) }
const arm64Library = { bytes: makeElf({ machine: 183, type: 3 }), mode: 0o644 }
const amd64Library = { bytes: makeElf({ machine: 62, type: 3 }), mode: 0o644 }
const LOADER = '/lib/ld-linux-aarch64.so.1'
const dynamic = (...needed: string[]) => ({ bytes: makeElf({ machine: 183, type: 3, loader: LOADER, needed }) })

/** Findings in the form `path: problem is (because)`, of an arm64 image. */
function audit(
  layers: readonly Readonly<Record<string, MadeFile>>[],
  config: ContainerConfig = {},
  { isWhole = true, platform = 'linux/arm64' } = {},
): string[] {
  const tree = mergeLayers(layers.map((files) => scanLayer(files)))
  return judge({ platform: parsePlatform(platform), config, tree, isWhole }).findings.map(
    ({ path, problem, is, because, layer }) => `${layer} ${path}: ${problem} ${is} (${because ?? 'nothing'})`,
  )
}

test('programs of the platform are no findings', () => {
  expect(audit([{ 'usr/bin/x': arm64, 'usr/lib/l.so': arm64Library, 'etc/text': { bytes: 'text' } }])).toEqual([])
})

test('a wrong program is found, wherever it lies, with what starts it', () => {
  const files = {
    'usr/local/bin/a': amd64,
    'opt/deep/down/here/b': { ...amd64, mode: 0o4755 },
    'srv/c': amd64,
    'usr/bin/d': { symlink: '/srv/c' },
    'bin/e': { hardlink: 'opt/deep/down/here/b' },
    app: amd64,
  }
  expect(audit([files], { Entrypoint: ['/app', 'x'] })).toEqual([
    '0 /app: machine linux/amd64 (ENTRYPOINT)',
    '0 /bin/e: machine linux/amd64 (PATH)',
    '0 /srv/c: machine linux/amd64 (PATH)',
    '0 /usr/local/bin/a: machine linux/amd64 (PATH)',
    '0 /opt/deep/down/here/b: machine linux/amd64 (nothing)',
  ])
})

test('what lies in layers below and is replaced, removed or hidden does not count', () => {
  const wrong = { 'usr/bin/a': amd64, 'opt/x/b': amd64, 'opt/y/c': amd64, 'opt/z/d': amd64, 'opt/w/e': amd64 }
  const above = {
    'usr/bin/a': arm64,
    'opt/.wh.x': { bytes: '' },
    'opt/y/.wh..wh..opq': { bytes: '' },
    'opt/z': { symlink: '/somewhere' },
    'opt/w/e': { bytes: 'now a text' },
  }
  expect(audit([wrong, above])).toEqual([])
  expect(audit([above, wrong])).toHaveLength(5)
})

// A 48-bit hash takes the two for one path; who looked for such names could hide any program of an image
test('a file with a name that was made to be like that of a program does not hide it', () => {
  expect(audit([{ 'app/2nf5i': amd64 }, { 'app/ghciz': { bytes: 'text' } }])).toHaveLength(1)
})

test('names of other files are taken as they are', () => {
  const text = { bytes: 'text' }
  const texts = { a: text, 'b/a': text, b1: text, 'b/c/__proto__': text, 'b/c/d': text, 'b/e\udc80': text }
  const loaders = ['a', 'b/a', 'b1', 'b/c/__proto__', 'b/c/d', 'b/e\udc80', 'b', 'c', 'b/c/a', 'b/c/d/a', '__proto__']
  const tree = mergeLayers([scanLayer(texts), scanLayer({ 'b/c/x': text })])
  expect(loaders.filter((path) => tree.has(path))).toEqual(loaders.slice(0, 6))
  const wrong = { 'b/a': amd64, 'b/c/__proto__': amd64, 'b/c/x/y': amd64, 'b/z': amd64 }
  expect(audit([wrong, texts, { 'b/c/x': text }])).toEqual(['0 /b/z: machine linux/amd64 (nothing)'])
})

test('words of CMD, shell lines, working folder and health checks lead to programs', () => {
  const files = { 'srv/one': amd64, 'srv/two': amd64, 'srv/three': amd64, 'srv/four': amd64, 'tini/tini': arm64 }
  const found = audit([files], {
    Entrypoint: ['/tini/tini', '--', '/srv/one'],
    Cmd: ['/bin/sh', '-c', 'cd / && exec /srv/two; true'],
    Healthcheck: { Test: ['CMD-SHELL', './three || exit 1'] },
    WorkingDir: '/srv',
    Env: ['PATH=/nothing'],
  })
  expect(found.map((text) => text.split(' (')[1])).toEqual(['ENTRYPOINT)', 'HEALTHCHECK)', 'CMD)', 'nothing)'])
})

test('interpreters of scripts and libraries are reached through what starts them', () => {
  const files = {
    'app/start': { bytes: '#!/usr/bin/env -S tool\n' },
    'usr/bin/tool': { symlink: '../lib/tool/tool' },
    'usr/lib/tool/tool': amd64,
    'usr/bin/env': arm64,
    'usr/bin/prog': dynamic('libwrong.so.1'),
    'usr/lib/libwrong.so.1': { symlink: 'libwrong.so.1.2' },
    'usr/lib/libwrong.so.1.2': amd64Library,
    'lib/ld-linux-aarch64.so.1': arm64Library,
  }
  expect(audit([files], { Cmd: ['/app/start'] })).toEqual([
    '0 /usr/lib/libwrong.so.1.2: machine linux/amd64 (a library of /usr/bin/prog)',
    '0 /usr/lib/tool/tool: machine linux/amd64 (the interpreter of /app/start)',
  ])
})

test('a loader or interpreter that is missing is found only when every layer was read', () => {
  const files = { 'usr/bin/prog': dynamic(), 'app/start': { bytes: '#!/bin/bash -e\n' } }
  const config = { Entrypoint: ['/app/start'] }
  expect(audit([files], config)).toEqual([
    '0 /app/start: interpreter /bin/bash (ENTRYPOINT)',
    `0 /usr/bin/prog: loader ${LOADER} (PATH)`,
  ])
  expect(audit([files], config, { isWhole: false })).toEqual([])
  const there = { lib: { symlink: 'usr/lib' }, 'usr/lib/ld-linux-aarch64.so.1': arm64Library, 'bin/bash': arm64 }
  expect(audit([there, files], config)).toEqual([])
})

test('sets of libraries for several platforms, cross toolchains and files of other systems are left alone', () => {
  expect(
    audit([
      {
        'app/node_modules/x/prebuilds/linux-x64/x.node': amd64Library,
        'app/node_modules/x/prebuilds/linux-arm64/x.node': arm64Library,
        'usr/x86_64-linux-gnu/lib/libc.so.6': amd64Library,
        'usr/lib/python3/distlib/t64.exe': { bytes: 'MZ', mode: 0o644 },
      },
    ]),
  ).toEqual([])
  // Nothing for this platform is beside it
  expect(audit([{ 'app/prebuilds/linux-x64/x.node': amd64Library }])).toHaveLength(1)
})

test('links in a circle, up and out of the root end', () => {
  const files = { a: { symlink: 'b' }, b: { symlink: 'a' }, 'bin/x': { symlink: '../../../../srv/x' }, 'srv/x': amd64 }
  expect(audit([files], { Entrypoint: ['/a'] })).toEqual(['0 /srv/x: machine linux/amd64 (PATH)'])
})

test('a link into a folder that is itself a link is followed as the kernel does', () => {
  const files = { 'usr/lib/deep/x': arm64, lib: { symlink: 'usr/lib/deep' }, 'bin/x': { symlink: '../lib/../deep/x' } }
  expect(audit([files], { Cmd: ['/bin/x'] })).toEqual([])
  expect(audit([{ ...files, 'usr/lib/deep/x': amd64 }], { Cmd: ['/bin/x'] })).toEqual([
    '0 /usr/lib/deep/x: machine linux/amd64 (CMD)',
  ])
})

test('a library with another float ABI than what loads it is found', () => {
  const made = { machine: 40, wide: false, type: 3, loader: '/lib/ld.so', needed: ['libq.so'] }
  const [hard, soft] = [0x5000400, 0x5000200].map((flags) => ({ bytes: makeElf({ ...made, flags }) }))
  const config = { Entrypoint: ['/app'] }
  const platform = 'linux/arm/v7'
  const withLibrary = (library: MadeFile) => ({ app: hard!, 'lib/ld.so': hard!, 'lib/libq.so': library })
  expect(audit([withLibrary(hard!)], config, { platform })).toEqual([])
  expect(audit([withLibrary(soft!)], config, { platform })).toEqual([
    '0 /lib/libq.so: abi soft-float (a library of /app)',
  ])
})

test('a first line with the end of Windows names an interpreter that is not there', () => {
  const files = { 'bin/sh': arm64, 'usr/bin/env': arm64, 'usr/bin/node': arm64 }
  const of = (text: string) => audit([{ ...files, start: { bytes: text } }], { Entrypoint: ['/start'] })
  expect(of('#!/bin/sh \n')).toEqual([])
  expect(of('#!/bin/sh\r\necho\r\n')).toEqual(['0 /start: interpreter /bin/sh\r (ENTRYPOINT)'])
  expect(of('#!/usr/bin/env node\r\n')).toEqual(['0 /start: interpreter node\r (ENTRYPOINT)'])
})

test('firmware, data of tests, and libraries in a folder for each CPU, are for others to load', () => {
  const files = {
    'usr/lib/firmware/x.elf': { bytes: makeElf({ machine: 40, wide: false }), mode: 0o644 },
    'usr/local/go/src/debug/elf/testdata/gcc-amd64-exec': amd64,
    'app/native/aarch64/libx.so': arm64Library,
    'app/native/x86_64/libx.so': amd64Library,
  }
  expect(audit([files])).toEqual([])
  expect(audit([{ ...files, 'app/native/aarch64/libx.so': amd64Library }])).toHaveLength(2)
})
