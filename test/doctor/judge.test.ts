import { describe, expect, test } from 'vitest'
import { judgeRoom } from '../../src/doctor/disk.ts'
import { here, type Finding } from '../../src/doctor/finding.ts'
import { freeStart } from '../../src/doctor/ids.ts'
import { checkKernel } from '../../src/doctor/kernel.ts'
import { judgeNode } from '../../src/doctor/nodes.ts'
import { qemuPackage } from '../../src/doctor/programs.ts'
import { judgePings, registriesOf, registryOf } from '../../src/doctor/registries.ts'
import { mergeRepairs } from '../../src/doctor/repair.ts'
import type { NodeReport } from '../../src/nodes/report.ts'
import { findingsJson, formatFindings } from '../../src/ui/doctor.ts'

const GB = 1e9

test.each([
  [0, '6.18.44', 'ok'],
  [1000, '6.18.44', 'ok'],
  [0, '6.1.0-28-amd64', 'warning'],
  [0, '5.10.0', 'warning'],
  [1000, '5.10.0', 'problem'],
] as const)('user %i on Linux %s: %s', (uid, kernel, state) => {
  expect(checkKernel(uid, kernel)).toMatchObject({ node: 'local', name: 'kernel', state })
})

test.each([
  [{ free: 50 * GB, total: 270 * GB, files: 1e6 }, 'ok'],
  [{ free: 4 * GB, total: 270 * GB, files: 1e6 }, 'warning'],
  [{ free: 0.5 * GB, total: 270 * GB, files: 1e6 }, 'problem'],
  [{ free: 0.5 * GB, total: 1 * GB, files: undefined }, 'warning'],
  [{ free: 0.05 * GB, total: 0.06 * GB, files: undefined }, 'problem'],
  [{ free: 5 * GB, total: 8 * GB, files: undefined }, 'ok'],
  [{ free: 50 * GB, total: 270 * GB, files: 5000 }, 'warning'],
  [{ free: 50 * GB, total: 270 * GB, files: 0 }, 'problem'],
] as const)('%j is %s', (room, state) => {
  expect(judgeRoom('/store', room).state).toBe(state)
})

test.each([
  [['', ''], 100_000],
  [['a:100000:65536\n', 'a:100000:65536\nb:165536:65536\n'], 231_072],
  [['# x\nbroken\na:b:c\nc:1:2\n'], 100_000],
])('the first free id after %j is %i', (texts, start) => {
  expect(freeStart(texts)).toBe(start)
})

test.each([
  ['ID=debian\nVERSION_ID="12"\n', 'qemu-user-static'],
  ['ID=debian\nVERSION_ID="13"\n', 'qemu-user'],
  ['VERSION_ID="24.04"\nID=ubuntu\n', 'qemu-user-static'],
  ['VERSION_ID="25.04"\nID=ubuntu\n', 'qemu-user'],
  ['ID=debian\n', 'qemu-user'],
])('%j brings QEMU as %s', (text, name) => {
  expect(qemuPackage(text)).toBe(name)
})

describe('registries', () => {
  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['localhost:5000', 'localhost:5000'],
    ['localhost', 'localhost'],
    ['ghcr.io/a/b:1', 'ghcr.io'],
    ['alpine', 'docker.io'],
  ])('%s means %s', (word, host) => {
    expect(registryOf(word)).toBe(host)
  })

  test('those of a Dockerfile: ARGs, stages and COPY --from as a build would read them', () => {
    const text =
      'ARG BASE=quay.io/x/y:1\nFROM $BASE AS one\nFROM scratch\nCOPY --from=one /a /\nCOPY --from=ghcr.io/c/d /b /\n'
    expect(registriesOf(text, { os: 'linux', architecture: 'amd64' })).toEqual(['quay.io', 'ghcr.io'])
    expect(registriesOf('not a Dockerfile\nFROM ${', { os: 'linux', architecture: 'amd64' })).toEqual([])
  })

  test('a mirror that answers makes a lost registry a warning', () => {
    const lost = { host: 'a.example', mirror: false, took: 1, failure: 'a.example refuses' }
    const there = { host: 'm.example', mirror: true, took: 12 }
    expect(judgePings('a.example', [lost])).toMatchObject({ state: 'problem', text: 'a.example refuses' })
    expect(judgePings('a.example', [there, lost])).toMatchObject({
      state: 'warning',
      text: 'a.example refuses; mirror m.example answered after 12 ms',
    })
    expect(judgePings('a.example', [{ ...there, mirror: false }])).toMatchObject({
      state: 'ok',
      text: 'it answered after 12 ms',
    })
  })
})

const arm64 = { os: 'linux', architecture: 'arm64' }
const NODE: Omit<NodeReport, 'state'> = {
  name: 'board',
  endpoint: 'tcp://board:1',
  origin: 'xbuild.yaml',
  used: true,
  slots: 4,
}

test('a lost node is a problem where it takes part, a warning elsewhere', () => {
  const state = { status: 'lost', because: 'no answer within 2 s' } as const
  expect(judgeNode({ ...NODE, state }, [])).toMatchObject([{ node: 'board', name: 'node', state: 'problem' }])
  expect(judgeNode({ ...NODE, used: false, state }, [])).toMatchObject([{ state: 'warning' }])
})

test('a node tells what it is, and what of the wanted platforms it does not run', () => {
  const state: NodeReport['state'] = {
    status: 'ready',
    driver: 'buildkit',
    version: 'BuildKit v0.25',
    native: [{ os: 'linux', architecture: 'amd64' }],
    load: { running: 1, counted: 'by the node' },
    cache: 2e9,
    containerdStore: true,
    emulated: [{ platform: arm64, status: 'missing', reason: 'board has no emulator', hint: 'Install QEMU' }],
  }
  expect(judgeNode({ ...NODE, state }, [])).toMatchObject([
    { state: 'ok', text: 'BuildKit v0.25; native linux/amd64; emulated nothing; 1 running; cache 2.0 GB' },
  ])
  expect(judgeNode({ ...NODE, state }, [arm64])[1]).toMatchObject({
    name: 'linux/arm64',
    state: 'warning',
    text: 'board has no emulator',
    fix: 'Install QEMU',
  })
})

const packages = (...names: string[]): Pick<Finding, 'repair'> => ({ repair: { kind: 'packages', packages: names } })
const FINDINGS: readonly Finding[] = [
  here('a', 'problem', 'no runc', { fix: 'Install it', ...packages('runc') }),
  here('b', 'warning', 'no uidmap', packages('uidmap', 'runc')),
  here('c', 'ok', 'fine', packages('never')),
  here('d', 'warning', 'touched', { repair: { kind: 'store' } }),
]

test('repairs: all packages at once, each thing once, nothing for what is well', () => {
  expect(mergeRepairs([...FINDINGS, ...FINDINGS])).toEqual([
    { kind: 'packages', packages: ['runc', 'uidmap'] },
    { kind: 'store' },
  ])
})

test('findings as text and as JSON', () => {
  const text = formatFindings([...FINDINGS, { node: 'board', name: 'node', state: 'ok', text: 'is\u001b[31m up' }], {
    color: false,
  })
  expect(text).toMatch(/^This machine\n {2}problem {2}a {5}no runc\n {17}fix: Install it\n/)
  expect(text).toMatch(
    /\nboard\n {2}ok {7}node {2}is up\n\n1 problem, 2 warnings; xbuild doctor --fix does what is safe\n$/,
  )
  expect(JSON.parse(findingsJson(FINDINGS))[0]).toEqual({
    node: 'local',
    name: 'a',
    state: 'problem',
    text: 'no runc',
    fix: 'Install it',
    fixable: true,
  })
})
