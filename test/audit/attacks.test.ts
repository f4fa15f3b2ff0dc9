import { expect, test } from 'vitest'
import { mergeLayers } from '../../src/audit/image-tree.ts'
import { judge } from '../../src/audit/judge.ts'
import type { ContainerConfig } from '../../src/oci/manifest.ts'
import { parsePlatform } from '../../src/platform.ts'
import { makeElf } from './support/elf.ts'
import { scanLayer, type MadeFile } from './support/layer.ts'

type Layer = Readonly<Record<string, MadeFile>>

const LOADER = '/lib/ld-linux-aarch64.so.1'
const good = { bytes: makeElf({ machine: 183 }) }
const wrong = { bytes: makeElf({ machine: 62 }) }
const goodLibrary = { bytes: makeElf({ machine: 183, type: 3 }), mode: 0o644 }
const wrongLibrary = { bytes: makeElf({ machine: 62, type: 3 }), mode: 0o644 }
const dynamic = { bytes: makeElf({ machine: 183, type: 3, loader: LOADER }) }

/** Findings as `path: problem (because)`, of an arm64 image whose layers were all read. */
function audit(layers: readonly Layer[], config: ContainerConfig = {}): string[] {
  const tree = mergeLayers(layers.map((files) => scanLayer(files)))
  const image = { platform: parsePlatform('linux/arm64'), config, tree, isWhole: true }
  return judge(image).findings.map(({ path, problem, because }) => `${path}: ${problem} (${because ?? 'nothing'})`)
}

type Found = readonly [what: string, layers: readonly Layer[], config: ContainerConfig, finding: string]
const FOUND: readonly Found[] = [
  [
    'a shell with options before the line',
    [{ 'bin/bash': good, 'opt/tool': wrong }],
    { Cmd: ['/bin/bash', '-o', 'pipefail', '-c', 'exec /opt/tool serve'] },
    '/opt/tool: machine (CMD)',
  ],
  [
    'a shell with several options in one word',
    [{ 'bin/sh': good, 'opt/tool': wrong }],
    { Entrypoint: ['/bin/sh', '-ec', 'exec /opt/tool "$@"', '--'] },
    '/opt/tool: machine (ENTRYPOINT)',
  ],
  [
    'a shell line that goes to a folder before',
    [{ 'bin/sh': good, 'opt/app/tool': wrong }],
    { Cmd: ['/bin/sh', '-c', 'cd /opt/app && ./tool'] },
    '/opt/app/tool: machine (CMD)',
  ],
  [
    'a PATH that begins in the working folder',
    [{ 'srv/bin/tool': wrong }],
    { Cmd: ['tool'], WorkingDir: '/srv', Env: ['PATH=bin:/usr/bin'] },
    '/srv/bin/tool: machine (CMD)',
  ],
  [
    'a script whose interpreter is a script without one',
    [{ run: { bytes: '#!/usr/bin/first\n' }, 'usr/bin/first': { bytes: '#!/usr/bin/second -x\n' } }],
    { Cmd: ['/run'] },
    '/usr/bin/first: interpreter (the interpreter of /run)',
  ],
  [
    'a script whose interpreter is a script of a wrong program',
    [{ run: { bytes: '#!/opt/first\n' }, 'opt/first': { bytes: '#!/opt/second\n' }, 'opt/second': wrong }],
    { Cmd: ['/run'] },
    '/opt/second: machine (the interpreter of /opt/first)',
  ],
  [
    'a library in the folder of this platform',
    [{ 'usr/lib/aarch64-linux-gnu/libx.so.1': wrongLibrary }],
    {},
    '/usr/lib/aarch64-linux-gnu/libx.so.1: machine (nothing)',
  ],
  [
    'a library of one application, where another has a good one of that name',
    [{ 'opt/app-one/lib/x.so': wrongLibrary, 'opt/app-two/lib/x.so': goodLibrary }],
    {},
    '/opt/app-one/lib/x.so: machine (nothing)',
  ],
  [
    'a file that a layer brings through a link of a lower one',
    [{ bin: { symlink: 'usr/bin' } }, { 'bin/tool': wrong }],
    {},
    '/usr/bin/tool: machine (PATH)',
  ],
  [
    'a hard link to a program of a lower layer that is removed there',
    [{ 'opt/tool': wrong }, { 'usr/bin/tool': { hardlink: 'opt/tool' } }, { 'opt/.wh.tool': { bytes: '' } }],
    {},
    '/usr/bin/tool: machine (PATH)',
  ],
  [
    'a program that is removed and comes back wrong',
    [{ 'usr/bin/tool': good }, { 'usr/bin/.wh.tool': { bytes: '' } }, { 'usr/bin/tool': wrong }],
    {},
    '/usr/bin/tool: machine (PATH)',
  ],
  [
    'a loader that is a link to nowhere',
    [{ 'usr/bin/tool': dynamic, 'lib/ld-linux-aarch64.so.1': { symlink: '/lib64/lost' } }],
    {},
    '/usr/bin/tool: loader (PATH)',
  ],
]

test.each(FOUND)('%s is found', (_, layers, config, finding) => {
  expect(audit(layers, config)).toEqual([finding])
})

type Silent = readonly [what: string, layers: readonly Layer[], config: ContainerConfig]
const SILENT: readonly Silent[] = [
  [
    'a loader that a layer brings through a link of a lower one',
    [{ lib: { symlink: 'usr/lib' }, 'usr/bin/tool': dynamic }, { 'lib/ld-linux-aarch64.so.1': goodLibrary }],
    {},
  ],
  [
    'a program that is a folder now',
    [{ 'usr/bin/tool': wrong }, { 'usr/bin/tool/config': { bytes: 'text' }, 'usr/bin/tool/run': good }],
    {},
  ],
  [
    'the library of another CPU beside that of this one',
    [{ 'app/lib/linux_x86_64/x.so': wrongLibrary, 'app/lib/linux_aarch64/x.so': goodLibrary }],
    {},
  ],
  ['a library of another CPU in the folder of that', [{ 'usr/lib/x86_64-linux-gnu/libx.so.1': wrongLibrary }], {}],
  [
    'a wrong program that a layer above hides through a link',
    [{ bin: { symlink: 'usr/bin' }, 'usr/bin/tool': wrong }, { 'bin/tool': good }],
    {},
  ],
  [
    'a shell line that only names a folder',
    [{ 'bin/sh': good, 'opt/x': wrong }],
    { Cmd: ['/bin/sh', '-c', 'cd /opt'] },
  ],
]

test('the C library of a cross compiler is no finding', () => {
  const library = { bytes: makeElf({ machine: 62, type: 3, loader: '/lib64/ld-linux-x86-64.so.2' }) }
  expect(audit([{ 'usr/x86_64-linux-gnu/lib/libc.so.6': library }])).toEqual([])
})

test.each(SILENT)('%s ends no build', (_, layers, config) => {
  expect(audit(layers, config).filter((text) => !text.endsWith('(nothing)'))).toEqual([])
})
