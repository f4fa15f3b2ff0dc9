import { describe, expect, test } from 'vitest'
import { openAsks, parseAllow } from '../../../src/config/images/allow.ts'
import { requestsOf } from '../../../src/config/images/options.ts'
import { printCase } from '../bake/run-case.ts'
import { printTargets } from '../../../src/config/images/print.ts'
import { settingsOf } from '../../../src/config/images/settings.ts'
import { withNeeded, type ImageTarget } from '../../../src/config/images/target.ts'
import { parsePlatform } from '../../../src/platform.ts'

const at = { file: 'f', line: 1 }
const said = (value: string) => ({ value, at })

describe('rights', () => {
  test('are read in the words of buildx', () => {
    expect(parseAllow(['fs=a', 'fs.read=*', 'ssh', 'image=x', 'secret'], '--allow')).toEqual({
      read: ['a', '*'],
      write: ['a'],
      rights: ['ssh', 'image.push=x', 'image.load=x', 'secret'],
    })
  })

  test.each([
    ['fs.raed=x', 'there is no such right'],
    ['fs.read', 'the path is missing'],
    ['ssh=x', 'ssh takes no value'],
  ])('refuse %s', (text, state) => {
    expect(() => parseAllow([text], '--allow')).toThrow(state)
  })

  test('of one name do not grant another; those without a name grant all', () => {
    const target: ImageTarget = { name: 'a', at, secrets: [said('id=s,env=ONE'), said('id=t,env=TWO')] }
    const env = { ONE: '1', TWO: '2' }
    const open = (...texts: string[]) =>
      openAsks(settingsOf(target, env), parseAllow(texts, '--allow'), () => undefined).map(({ instead }) => instead)
    expect(open()).toEqual(['--allow secret=ONE', '--allow secret=TWO'])
    expect(open('secret=ONE')).toEqual(['--allow secret=TWO'])
    expect(open('secret')).toEqual([])
  })

  test('to push or load count for one tag each', () => {
    const target: ImageTarget = {
      name: 'a',
      at,
      tags: [said('good'), said('victim/prod')],
      output: [said('type=registry'), said('type=docker')],
    }
    const open = (...texts: string[]) =>
      openAsks(settingsOf(target, {}), parseAllow(texts, '--allow'), () => undefined).map(({ instead }) => instead)
    expect(open('image=good')).toEqual(['--allow image.push=victim/prod', '--allow image.load=victim/prod'])
    expect(open('image')).toEqual([])
  })

  test('count for every address of a host name', () => {
    const target: ImageTarget = { name: 'a', at, extraHosts: { me: said('10.0.0.1, host-gateway ,10.0.0.2') } }
    const open = openAsks(settingsOf(target, {}), parseAllow([], '--allow'), () => undefined)
    expect(open.map(({ text, instead }) => [text, instead])).toEqual([['me=host-gateway', '--allow network.host']])
  })

  test('are not needed for what the user says himself', () => {
    expect(settingsOf({ name: 'a', output: [{ value: 'type=registry' }], ssh: [{ value: 'default' }] }, {})).toEqual([])
  })
})

const input = {
  shared: { cwd: '/p', progress: 'plain', registries: {} } as const,
  env: {},
  secretEnv: {},
  localPlatform: parsePlatform('linux/amd64'),
  names: ['a', 'b'],
}

describe('options', () => {
  test('have the Dockerfile in the context, named contexts of other images, and what is alike', () => {
    const [request] = requestsOf(
      [{ name: 'a', context: said('sub'), dockerfile: said('x/D'), contexts: { c: said('target:b') }, at }],
      input,
    )
    expect(request!.options).toMatchObject({
      context: 'sub',
      file: 'sub/x/D',
      buildContexts: { c: { kind: 'target', image: 'b' } },
      cwd: '/p',
    })
  })

  test('that cannot be used are told all at once, each at its place', () => {
    const bad = { ...said('type=nope'), at: { file: 'f', line: 7 } }
    const targets = [{ name: 'a', at, output: [bad], contexts: { c: said('target:d') } }]
    expect(() => requestsOf(targets, input)).toThrow(
      expect.objectContaining({
        diagnostics: [
          expect.objectContaining({ message: expect.stringContaining('no image of that name') }),
          expect.objectContaining({ at: { file: 'f', line: 7 } }),
        ],
      }),
    )
  })
})

test('what an image is made from is built with it, whatever that is made from', () => {
  const of = (name: string, from?: string): ImageTarget => ({
    name,
    contexts: from ? { x: said(`target:${from}`) } : {},
  })
  const all = [of('a', 'b'), of('b', 'c'), of('c'), of('d')]
  expect(withNeeded(all, ['a']).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

test('what is printed can be read again: dollar signs are doubled, lists of fields are objects', () => {
  const text = printTargets(
    [{ name: 'a', args: { V: said('${X} %{Y}') }, cacheFrom: [said('r/x'), said('type=local,src=s')] }],
    {},
  )
  expect(JSON.parse(text)).toEqual({
    target: {
      a: {
        args: { V: '$${X} %%{Y}' },
        'cache-from': [
          { type: 'registry', ref: 'r/x' },
          { type: 'local', src: 's' },
        ],
      },
    },
  })
})

test('what is printed of contexts has no logins; arguments are printed as they are', () => {
  const [shown, secret] = ['https://git.example/x.git#main', 'https://me:word@git.example/x.git#main']
  const target = { name: 'a', args: { V: said(secret) }, context: said(secret), contexts: { b: said(secret) } }
  const printed = { args: { V: secret }, context: shown, contexts: { b: shown } }
  expect(JSON.parse(printTargets([target], {}))).toEqual({ target: { a: printed } })
  const files = {
    'docker-bake.hcl': `target "a" {
    context = "${secret}"
    contexts = { b = "${secret}" }
    args = { V = "${secret}" }
  }`,
  }
  expect(printCase({ name: '', args: ['a'], env: {}, files })).toMatchObject({ target: { a: printed } })
})
