import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Alternative } from '../../src/plan/types.ts'
import { afterFailure, classify, type Attempt, type FailureClass } from '../../src/run/failure.ts'

test.each<[ErrorCode, FailureClass]>([
  ['RUN_FAILED', 'user'],
  ['BAD_DOCKERFILE', 'user'],
  ['AUTH', 'user'],
  ['NO_PLATFORM', 'user'],
  ['CONTEXT_CHANGED', 'user'],
  ['NODE', 'node'],
  ['HOST', 'node'],
  ['UNSUPPORTED', 'node'],
  ['EMULATOR', 'emulator'],
  ['REGISTRY', 'registry'],
  ['TIMEOUT', 'time'],
  ['CANCELED', 'canceled'],
  ['INTERNAL', 'fault'],
])('%s is for the %s', (code, expected) => {
  expect(classify({ code }, { emulates: true, silent: false })).toBe(expected)
})

test('a RUN that found the disk full says nothing about the Dockerfile', () => {
  const output = ['head: write error: No space left on device']
  expect(classify({ code: 'RUN_FAILED', output }, { emulates: false, silent: false })).toBe('node')
})

test('silence is a hang of the emulator where there is one, and else a limit that was reached', () => {
  expect(classify({ code: 'TIMEOUT' }, { emulates: true, silent: true })).toBe('emulator')
  expect(classify({ code: 'TIMEOUT' }, { emulates: false, silent: true })).toBe('time')
})

describe('after a failure', () => {
  const other = (node: string): Alternative => ({ strategy: { kind: 'native', node }, emulates: false })
  const on = (node: string, failure: FailureClass): Attempt => ({ node, failure })

  test.each<[string, Attempt[], string[], string[], string]>([
    ['a failing RUN is never retried', [on('a', 'user')], ['b'], [], 'give up'],
    ['a limit is a limit', [on('a', 'time')], ['b'], [], 'give up'],
    ['a fault of xbuild is not hidden', [on('a', 'fault')], ['b'], [], 'give up'],
    ['nothing goes on after Ctrl-C', [on('a', 'canceled')], ['b'], [], 'give up'],
    ['a lost node: the next best takes over', [on('a', 'node')], ['b', 'c'], ['a'], 'b'],
    ['and the next', [on('a', 'node'), on('b', 'node')], ['b', 'c'], ['a', 'b'], 'c'],
    ['until there is none', [on('a', 'node'), on('b', 'node')], ['b'], ['a', 'b'], 'give up'],
    ['a node that others found lost is passed over', [on('a', 'node')], ['b', 'c'], ['a', 'b'], 'c'],
    ['an emulator crash: another one, once', [on('a', 'emulator')], ['b', 'c'], [], 'b'],
    ['once only', [on('a', 'emulator'), on('b', 'emulator')], ['b', 'c'], [], 'give up'],
    ['a lost node does not count as the crash', [on('a', 'emulator'), on('b', 'node')], ['b', 'c'], ['b'], 'c'],
    ['registry trouble: once more after a second', [on('a', 'registry')], ['b'], [], '1000'],
    ['then after four', [on('a', 'registry'), on('a', 'registry')], ['b'], [], '4000'],
    ['then elsewhere', [on('a', 'registry'), on('a', 'registry'), on('a', 'registry')], ['b'], [], 'b'],
    [
      'and there as patiently',
      [on('a', 'registry'), on('a', 'registry'), on('a', 'registry'), on('b', 'registry')],
      ['b'],
      [],
      '1000',
    ],
  ])('%s', (_name, attempts, others, lost, expected) => {
    const next = afterFailure({ attempts, alternatives: others.map(other), lost: new Set(lost), retried: false })
    expect(next.kind === 'move' ? next.to.strategy.node : next.kind === 'again' ? String(next.after) : next.kind).toBe(
      expected,
    )
  })

  test('a registry client that retried already is not asked to again', () => {
    expect(afterFailure({ attempts: [on('a', 'registry')], alternatives: [], lost: new Set(), retried: true })).toEqual(
      { kind: 'give up' },
    )
  })
})
