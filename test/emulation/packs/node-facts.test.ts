import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { recipesFolder } from '../../../src/emulation/packs/recipes.ts'
import { withFacts } from '../../../src/emulation/packs/sibling/make-node.ts'
import {
  compareFacts,
  otherNumbers,
  readFacts,
  steadyLines,
  type NodeFacts,
} from '../../../src/emulation/packs/sibling/node-facts.ts'

const NUMBERS = 19 * 7122

function facts(arch: string, more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    arch,
    version: 'v24.1.0',
    versions: { node: '24.1.0', v8: '13.6' },
    release: { name: 'node' },
    features: { inspector: true },
    endianness: 'LE',
    config: { target_defaults: {}, variables: { host_arch: arch, node_shared: false } },
    machine: 'aarch64',
    cpu: { model: 'unknown', speed: 0 },
    report: {},
    cpuinfo: 'processor : 0\n',
    numbers: Buffer.alloc(NUMBERS * 8).toString('base64'),
    ...more,
  }
}

describe('the Node of an image and that of its sibling', () => {
  const both = { target: 'arm64', host: 'amd64' }
  const refusal = (own: NodeFacts, other: NodeFacts) => {
    try {
      compareFacts(own, other, both)
    } catch (error) {
      return (error as Error).message.replace("Cannot use Node of the image's sibling: ", '')
    }
    return undefined
  }

  test('are the same where only what depends on the CPU differs', () => {
    const config = { target_defaults: {}, variables: { host_arch: 'arm64', arm_fpu: 'neon', node_shared: false } }
    expect(refusal(facts('arm64', { config }), facts('x64'))).toBe(undefined)
  })

  test('are not where release, parts or settings differ, or one is for another CPU', () => {
    const variables = { host_arch: 'x64', node_shared: true }
    expect([
      refusal(facts('arm64'), facts('arm64')),
      refusal(facts('arm64'), facts('x64', { version: 'v24.1.1' })),
      refusal(facts('arm64'), facts('x64', { versions: { node: '24.1.0', v8: '13.7' } })),
      refusal(facts('arm64'), facts('x64', { config: { target_defaults: {}, variables } })),
      refusal(facts('arm64', { version: 'v24.1.0-pre' }), facts('x64', { version: 'v24.1.0-pre' })),
    ]).toEqual([
      'they are not for the CPUs of the two images',
      'one is v24.1.0, the other v24.1.1',
      'the two differ in process.versions',
      'the two were built with different settings',
      '"v24.1.0-pre" is no release',
    ])
  })

  test('what is no such description is refused', () => {
    for (const text of ['', '{}', '[]', 'null', JSON.stringify({ ...facts('x64'), versions: 'none' })])
      expect(() => readFacts(text)).toThrow('does not say what it is')
    expect(readFacts(JSON.stringify(facts('x64')))).toEqual(facts('x64'))
  })

  test('results that differ are told by function and argument', () => {
    const numbers = Buffer.alloc(NUMBERS * 8)
    numbers.writeDoubleLE(0.5, 8 * 1024) // acos(0): numbers begin at -1024
    numbers.writeDoubleLE(-0, 8 * (18 * 7122 + 7121)) // tanh(100), the last one
    const other = otherNumbers(facts('arm64', { numbers: numbers.toString('base64') }), facts('x64'))
    expect(other).toMatchObject({
      acos: { '0000000000000000': '3fe0000000000000' },
      tanh: { '4059000000000000': '8000000000000000' },
      cos: {},
    })
    expect(() => otherNumbers(facts('arm64', { numbers: 'AAAA' }), facts('x64'))).toThrow('it does not calculate')
  })

  test('times and clocks of the CPU are left aside', () => {
    expect(steadyLines('model\ncpu MHz\t\t: 2445.1\nBogoMIPS : 10\nflags')).toBe('model\nflags')
  })
})

test('the script gets facts as a text that JavaScript reads', () => {
  const script = readFileSync(join(recipesFolder(), '../speculate/node.cjs'), 'utf8')
  const odd = { text: "'\\\u2028$&`" }
  const line = withFacts(script, odd)
    .split('\n')
    .find((one) => one.startsWith('const FACTS'))!
  expect(new Function(`${line}; return FACTS`)()).toEqual(odd)
  expect(() => withFacts('no place', odd)).toThrow('no place for facts')
})
