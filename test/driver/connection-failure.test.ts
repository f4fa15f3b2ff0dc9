import { expect, test } from 'vitest'
import { connectionFailure, unreachable } from '../../src/driver/connection-failure.ts'

test('why a node is not reached is a fact of the error, beside its message', () => {
  const refused = connectionFailure('tcp://a:1', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
  expect(refused.message).toBe('Cannot reach node "tcp://a:1": connection refused')
  expect(refused.facts).toEqual({ state: 'connection refused' })
  expect(unreachable('ssh://a', 'it said "Cannot reach node "b": no"').facts.state).toBe(
    'it said "Cannot reach node "b": no"',
  )
})
