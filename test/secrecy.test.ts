import { describe, expect, test } from 'vitest'
import type { BuildEvent } from '../src/events.ts'
import { XbuildError } from '../src/errors.ts'
import { BuildFailedError } from '../src/run/outcome.ts'
import { createSecrecy } from '../src/session/secrecy.ts'

const SECRET = 'hidden-word-1\nhidden-word-2\n'

function keeping() {
  const events: BuildEvent[] = []
  const secrecy = createSecrecy((event) => void events.push(event))
  secrecy.hide(SECRET)
  return { events, secrecy }
}

describe('what is known of a secret', () => {
  test('leaves no event', () => {
    const { events, secrecy } = keeping()
    const error = new XbuildError('RUN_FAILED', 'Cannot run "echo hidden-word-1": exit code 1', {
      output: ['hidden-word-2'],
    })
    const at = 1
    const told: BuildEvent[] = [
      { type: 'step.start', step: 's', name: '[1/2] RUN echo hidden-word-1', platforms: ['linux/amd64'], at },
      { type: 'step.log', step: 's', stream: 'stdout', line: 'a hidden-word-1hidden-word-2', at },
      { type: 'step.fail', step: 's', error, at },
      { type: 'job.fail', job: 'j', platform: 'linux/amd64', error, at },
      {
        type: 'job.move',
        job: 'j',
        platform: 'p',
        from: 'a',
        to: 'b',
        strategy: 'native',
        because: 'hidden-word-2',
        at,
      },
      { type: 'transfer', id: 't', name: 'pulling hidden-word-1', current: 1, at },
      { type: 'warning', message: 'hidden-word-1 is no name', at },
    ]
    for (const event of told) secrecy.emit(event)
    const text = JSON.stringify(
      events.map((event) =>
        'error' in event ? { ...event, error: { ...event.error, message: event.error.message } } : event,
      ),
    )
    expect(text).not.toContain('hidden-word')
    expect(text.match(/\*\*\*/g)?.length).toBeGreaterThanOrEqual(told.length)
    expect(events.map(({ type }) => type)).toEqual(told.map(({ type }) => type))
  })

  test('leaves no error, its causes and the failures in it, which stay what they are', () => {
    const { secrecy } = keeping()
    const cause = new Error('said hidden-word-1', { cause: 'hidden-word-2' })
    const inner = new XbuildError('NODE', 'Cannot build: hidden-word-1', {
      cause,
      hint: 'see hidden-word-2',
      output: ['hidden-word-1'],
    })
    const error = new BuildFailedError([{ platform: 'linux/amd64', error: inner }], 1)
    expect(secrecy.error(error)).toBe(error)
    expect(error.failures[0]?.error).toBe(inner)
    const all = [inner.message, inner.hint, ...inner.output!, inner.stack, cause.message, cause.stack, cause.cause]
    expect(all.join(' ')).not.toContain('hidden-word')
    expect(inner).toMatchObject({ code: 'NODE', message: 'Cannot build: ***', hint: 'see ***', output: ['***'] })
  })

  test('is only what somebody was given: other words stay as they are', () => {
    const events: BuildEvent[] = []
    const secrecy = createSecrecy((event) => void events.push(event))
    const event: BuildEvent = { type: 'step.log', step: 's', stream: 'stdout', line: 'hidden-word-1', at: 1 }
    secrecy.emit(event)
    secrecy.hide(SECRET)
    secrecy.emit(event)
    expect(events.map((one) => 'line' in one && one.line)).toEqual(['hidden-word-1', '***'])
  })
})
