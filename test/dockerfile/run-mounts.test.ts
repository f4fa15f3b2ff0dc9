import { describe, expect, test } from 'vitest'
import { parseRunMounts, type RunMount } from '../../src/dockerfile/run-mounts.ts'
import { toXbuildError, type XbuildError } from '../../src/errors.ts'

function parse(...texts: readonly string[]): RunMount[] {
  return parseRunMounts(texts, { cwd: '/w', sourceOf: (ref) => ({ kind: 'image', ref }) })
}

function failure(text: string): XbuildError {
  try {
    parse(text)
  } catch (error) {
    return toXbuildError(error)
  }
  throw new Error('it did not fail')
}

const root = (mode: number) => ({ mode, uid: 0, gid: 0 })
const from = { kind: 'image', ref: 'x' }

describe('one mount', () => {
  const cases: readonly (readonly [text: string, mount: unknown])[] = [
    ['target=.', { type: 'bind', target: '/w', source: '.', writable: false }],
    [
      'type=bind,dst=/a/../b/,src=../../etc,from=x',
      { type: 'bind', target: '/b', source: 'etc', from, writable: false },
    ],
    ['destination=d,readwrite', { type: 'bind', target: '/w/d', source: '.', writable: true }],
    ['target=d,rw=false', { type: 'bind', target: '/w/d', source: '.', writable: false }],
    ['target=d,readonly=false', { type: 'bind', target: '/w/d', source: '.', writable: true }],
    ['"target=/a,b"', { type: 'bind', target: '/a,b', source: '.', writable: false }],
    [
      'type=cache,target=/c/',
      { type: 'cache', target: '/c', id: '/c', sharing: 'shared', source: '.', readonly: false, owner: root(0o755) },
    ],
    [
      'type=cache,target=./c//d',
      {
        type: 'cache',
        target: '/w/c/d',
        id: 'c/d',
        sharing: 'shared',
        source: '.',
        readonly: false,
        owner: root(0o755),
      },
    ],
    [
      'type=cache,target=/c,id=i,sharing=locked,from=x,source=/s,mode=0700,uid=1,gid=2,ro',
      {
        type: 'cache',
        target: '/c',
        id: 'i',
        sharing: 'locked',
        from,
        source: 's',
        readonly: true,
        owner: { mode: 0o700, uid: 1, gid: 2 },
      },
    ],
    ['type=tmpfs,target=/t', { type: 'tmpfs', target: '/t' }],
    ['type=tmpfs,target=/t,size=1.5m', { type: 'tmpfs', target: '/t', size: 1_572_864 }],
    ['type=secret,id=s', { type: 'secret', id: 's', target: '/run/secrets/s', required: false, owner: root(0o400) }],
    [
      'type=secret,target=/a/b.txt',
      { type: 'secret', id: 'b.txt', target: '/a/b.txt', required: false, owner: root(0o400) },
    ],
    ['type=secret,id=s,env=S', { type: 'secret', id: 's', env: 'S', required: false, owner: root(0o400) }],
    [
      'type=secret,id=s,env=S,target=f,required,mode=444,uid=7,gid=8',
      { type: 'secret', id: 's', env: 'S', target: '/w/f', required: true, owner: { mode: 0o444, uid: 7, gid: 8 } },
    ],
    [
      'type=ssh',
      { type: 'ssh', id: 'default', target: '/run/buildkit/ssh_agent.0', required: false, owner: root(0o600) },
    ],
    [
      'type=ssh,id=k,required=true,target=/s,uid=9',
      { type: 'ssh', id: 'k', target: '/s', required: true, owner: { mode: 0o600, uid: 9, gid: 0 } },
    ],
  ]
  test.each(cases)('%s', (text, mount) => expect(parse(text)).toEqual([mount]))
})

describe('refuses', () => {
  test.each([
    ['target=/', 'its target is "/"', 'Name a folder below it'],
    ['type=tmpfs,target=/a/..', 'its target is "/"', 'Name a folder below it'],
    ['type=bind', 'it has no target', 'Write target=FOLDER'],
    ['type=cahce,target=/c', 'unknown type "cahce"', 'Did you mean "cache"'],
    ['type=cache,target=/c,sharign=locked', 'type=cache has no "sharign"', 'Did you mean "sharing"'],
    ['type=bind,target=/c,sharing=locked', 'type=bind has no "sharing"', 'It belongs to type=cache'],
    ['type=cache,target=/c,sharing=share', 'unknown sharing "share"', 'Did you mean "shared"'],
    ['type=cache,target=/c,mode=9', 'mode "9" is not octal', 'Write it like mode=0440'],
    ['type=cache,target=/c,uid=root', 'uid "root" is not a number', 'Write it like uid=1000'],
    ['type=cache,target=/c,uid=4294967295', 'uid "4294967295" is not a number', 'Write it like uid=1000'],
    ['type=tmpfs,target=/t,size=big', '"big" is not a size', 'Write it like size=64m'],
    ['type=secret', 'it has no id', 'Write id=NAME, and give the build --secret id=NAME,src=FILE'],
    ['type=secret,id=a,required=yes', '"yes" of required is neither true nor false', undefined],
    ['type=secret,id=a,env=A=B', '"A=B" is not a valid variable name', undefined],
    ['target', '"target" has no value', 'Write target=VALUE'],
    ['target="a', 'its quotes do not match', undefined],
  ])('%s', (text, state, hint) => {
    const error = failure(text)
    expect(error.code).toBe('BAD_DOCKERFILE')
    expect(error.message).toContain(`Cannot use mount "${text}": ${state}`)
    expect(error.hint).toBe(hint)
  })
})

test('mounts inside others come after them, and each agent has a place of its own', () => {
  const mounts = parse(
    'type=ssh,id=a',
    'type=tmpfs,target=/x/y',
    'type=ssh,id=b',
    'type=secret,id=s,env=S',
    'type=tmpfs,target=/x',
  )
  expect(mounts.map(({ target }) => target)).toEqual([
    undefined,
    '/run/buildkit/ssh_agent.0',
    '/run/buildkit/ssh_agent.1',
    '/x',
    '/x/y',
  ])
})

test('a namespace keeps the caches of two projects apart', () => {
  const [mount] = parseRunMounts(['type=cache,target=/c'], {
    cwd: '/',
    sourceOf: (ref) => ({ kind: 'image', ref }),
    cacheNamespace: 'one',
  })
  expect(mount).toMatchObject({ id: 'one//c' })
})
