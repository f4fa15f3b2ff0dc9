import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ARCHITECTURES } from '../../../src/emulation/architectures.ts'
import { compareGo } from '../../../src/emulation/packs/sibling/go-tree.ts'
import { probeProgram } from '../../../src/emulation/probe-program.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** A text as Go's linker writes it: its length, which is below 16384, then itself. */
const text = (value: Buffer) => Buffer.concat([Buffer.from([(value.length & 0x7f) | 0x80, value.length >> 7]), value])

interface Made {
  readonly version?: string
  readonly settings?: readonly string[]
  readonly path?: string
}

/** A program with the build information that Go writes into its own. */
function goProgram(
  architecture: 'amd64' | 'arm64',
  name: string,
  { version = 'go1.24.4', settings = [], path }: Made = {},
): Buffer {
  const machine = ARCHITECTURES.find((one) => one.name === architecture)!
  const program = probeProgram(machine, { id: Buffer.from(`${architecture} ${name}`.padEnd(20)) })
  const lines = [`path\t${path ?? `cmd/${name}`}`, 'build\tCGO_ENABLED=0', `build\tGOARCH=${architecture}`, ...settings]
  const around = Buffer.alloc(16, 1)
  const header = Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.from([8, 2]), Buffer.alloc(16)])
  const info = [
    header,
    text(Buffer.from(version)),
    text(Buffer.concat([around, Buffer.from(`${lines.join('\n')}\n`), around])),
  ]
  return Buffer.concat([program, Buffer.alloc((16 - (program.length % 16)) % 16), ...info])
}

/** The layers of an image and of its sibling, with the same Go in both. */
function trees() {
  const root = tempFolder()
  const pair = { target: join(root, 'target'), sibling: join(root, 'sibling') }
  for (const [side, architecture] of [
    [pair.target, 'arm64'],
    [pair.sibling, 'amd64'],
  ] as const) {
    write(side, 'VERSION', 'go1.24.4\ntime 2025-05-29T19:37:36Z\n')
    write(side, 'src/cmd/compile/main.go', 'package main\n')
    write(side, 'src/runtime/proc.go', 'package runtime\n')
    write(side, 'bin/gofmt', goProgram(architecture, 'gofmt'))
    for (const name of ['compile', 'link'])
      write(side, `pkg/tool/linux_${architecture}/${name}`, goProgram(architecture, name))
  }
  return { ...pair, layer: 'sha256:0', run: () => Promise.reject(new Error('nothing is run')) }
}

const go = (side: string, path: string) => join(side, 'usr/local/go', path)

function write(side: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(go(side, path)), { recursive: true })
  writeFileSync(go(side, path), content)
}

const compare = (pair: ReturnType<typeof trees>) => compareGo(pair, { target: 'arm64', host: 'amd64' })

describe('Go of an image and of its sibling', () => {
  test('is the same when release, sources and data are', async () => {
    const pair = trees()
    const found = await compare(pair)
    expect(found.version).toBe('go1.24.4')
    expect(await found.program('compile')).toEqual({
      id: Buffer.from('arm64 compile'.padEnd(20)).toString('hex'),
      path: '/usr/local/go/pkg/tool/linux_arm64/compile',
      twin: go(pair.sibling, 'pkg/tool/linux_amd64/compile'),
    })
    expect((await found.program('gofmt'))?.path).toBe('/usr/local/go/bin/gofmt')
    expect(await found.program('vet')).toBeUndefined()
    expect((await compare(trees())).digest).toBe(found.digest)
  })

  test.each<[string, (sibling: string) => void, RegExp]>([
    ['another release', (side) => write(side, 'VERSION', 'go1.24.5\n'), /"VERSION" differs/],
    [
      'a changed source',
      (side) => write(side, 'src/runtime/proc.go', 'package evil000\n'),
      /"src\/runtime\/proc.go" differs/,
    ],
    [
      'a further file',
      (side) => write(side, 'src/runtime/more.go', ''),
      /only one of them has "src\/runtime\/more.go"/,
    ],
    ['a file less', (side) => rmSync(go(side, 'src/runtime/proc.go')), /only one of them has "src\/runtime\/proc.go"/],
    ['a further program beside the tools', (side) => write(side, 'bin/more', ''), /only one of them has "bin\/more"/],
    [
      'another mode',
      (side) => chmodSync(go(side, 'src/runtime/proc.go'), 0o755),
      /kind or mode of "src\/runtime\/proc.go"/,
    ],
    [
      'a link in the place of a source',
      (side) => {
        rmSync(go(side, 'src/runtime/proc.go'))
        symlinkSync('/etc/passwd', go(side, 'src/runtime/proc.go'))
      },
      /kind or mode of "src\/runtime\/proc.go"/,
    ],
    [
      'a link in the place of the folder of tools',
      (side) => {
        renameSync(go(side, 'pkg/tool/linux_amd64'), go(side, 'elsewhere'))
        symlinkSync(go(side, 'elsewhere'), go(side, 'pkg/tool/linux_amd64'))
      },
      /no programs for amd64/,
    ],
    [
      'a link above it',
      (side) => {
        renameSync(join(side, 'usr/local'), join(side, 'usr/elsewhere'))
        symlinkSync('elsewhere', join(side, 'usr/local'))
      },
      /"\/usr\/local" is no folder/,
    ],
  ])('is not when the sibling has %s', async (_, change, reason) => {
    const pair = trees()
    change(pair.sibling)
    await expect(compare(pair)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(reason) as string,
    })
  })

  test('is not when both are no release', async () => {
    const pair = trees()
    for (const side of [pair.target, pair.sibling]) write(side, 'VERSION', 'devel go1.25-0123456789\n')
    await expect(compare(pair)).rejects.toThrow(/names no release of Go/)
  })

  test.each<[string, string]>([
    ['file', 'host/secret'],
    ['named pipe', 'host/pipe'],
    ['folder', 'host'],
  ])('is not when VERSION of both is a link to a %s of this machine, which nobody reads', async (_, to) => {
    const pair = trees()
    const root = dirname(pair.target)
    mkdirSync(join(root, 'host'))
    writeFileSync(join(root, 'host/secret'), 'go1.24.4\n')
    execFileSync('mkfifo', [join(root, 'host/pipe')])
    for (const side of [pair.target, pair.sibling]) {
      rmSync(go(side, 'VERSION'))
      symlinkSync(join(root, to), go(side, 'VERSION'))
    }
    await expect(compare(pair)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: "Cannot use Go of the image's sibling: its file VERSION names no release of Go",
    })
  })

  test('says nothing of what a file holds', async () => {
    const pair = trees()
    for (const side of [pair.target, pair.sibling]) write(side, 'VERSION', 'secret\n')
    await expect(compare(pair)).rejects.toThrow(/^((?!secret).)*$/)
  })

  test.each<[string, Buffer | 'link' | 'huge', RegExp]>([
    ['for another CPU', goProgram('arm64', 'compile'), /no program of the image's CPU/],
    ['of another release', goProgram('amd64', 'compile', { version: 'go1.24.5' }), /it is of another release/],
    ['of another name', goProgram('amd64', 'link', { path: 'cmd/link' }), /the two were built differently/],
    [
      'with other settings',
      goProgram('amd64', 'compile', { settings: ['build\t-tags=evil'] }),
      /the two were built differently$/,
    ],
    ['for newer CPUs', goProgram('amd64', 'compile', { settings: ['build\tGOAMD64=v3'] }), /for some CPUs only$/],
    [
      'that says nothing',
      probeProgram(ARCHITECTURES.find(({ name }) => name === 'amd64')!, { id: Buffer.alloc(20, 7) }),
      /does not say how it was built/,
    ],
    ['that is none', Buffer.from('#!/bin/sh\n'.padEnd(100)), /no program of the image's CPU/],
    ['that is a link', 'link', /is no program/],
    ['that is huge', 'huge', /is no program/],
  ])('has no twin %s', async (_, program, reason) => {
    const pair = trees()
    const path = go(pair.sibling, 'pkg/tool/linux_amd64/compile')
    if (program === 'link') {
      rmSync(path)
      cpSync(go(pair.sibling, 'pkg/tool/linux_amd64/link'), go(pair.sibling, 'pkg/tool/linux_amd64/other'))
      symlinkSync('other', path)
    } else if (program === 'huge') truncateSync(path, 300_000_000)
    else writeFileSync(path, program)
    const found = await compare(pair)
    await expect(found.program('compile')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(reason) as string,
    })
  })
})
