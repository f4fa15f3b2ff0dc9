import { describe, expect, test } from 'vitest'
import { parseConfigFile } from '../../src/config/file.ts'
import type { Parsed } from '../../src/cli/command.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { parseAge, parseFilter, parseSize } from '../../src/config/store-values.ts'
import { parsePlatform } from '../../src/platform.ts'

function parse(line: string, yaml?: string, env: Record<string, string> = {}): Parsed {
  const file = yaml === undefined ? {} : { file: parseConfigFile(yaml, 'xbuild.yaml') }
  return parseArgv(line.split(' ').filter(Boolean), env, {
    cwd: '/home',
    localPlatform: parsePlatform('linux/amd64'),
    ...file,
  })
}

test.each([
  ['0', 0],
  ['1000', 1000],
  ['1b', 1],
  ['1k', 1024],
  ['20GB', 20 * 1024 ** 3],
  ['1.5 GiB', 1.5 * 1024 ** 3],
  ['512m', 512 * 1024 ** 2],
  ['2TB', 2 * 1024 ** 4],
])('the size %s', (text, bytes) => {
  expect(parseSize(text, 'x')).toBe(bytes)
})

test.each(['', '-1', 'GB', '1 2', '1X', '1e3', '99999999PB', '1,5GB'])('%j is no size', (text) => {
  expect(() => parseSize(text, '--max-used-space')).toThrow(`Cannot use --max-used-space "${text}": not a size`)
})

test.each([
  ['24h', 86_400_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
  ['0', 0],
])('the age %s', (text, milliseconds) => {
  expect(parseAge(text, 'x')).toBe(milliseconds)
})

test.each([
  ['until=24h', { key: 'until', age: 86_400_000 }],
  ['type=step', { key: 'type', operator: '=', value: 'step' }],
  ['type!=image', { key: 'type', operator: '!=', value: 'image' }],
  ['description~=apt=get', { key: 'description', operator: '~=', value: 'apt=get' }],
  ['id=abc', { key: 'id', operator: '=', value: 'abc' }],
])('the filter %s', (text, filter) => {
  expect(parseFilter(text, '--filter')).toEqual(filter)
})

test.each([
  ['untill=24h', /Did you mean|not a filter/],
  ['until=yesterday', /not a duration/],
  ['until!=24h', /until has no "!="/],
  ['type=steps', /unknown type "steps"/],
  ['step', /not a filter/],
])('%s is no filter', (text, message) => {
  expect(() => parseFilter(text, '--filter')).toThrow(message)
})

describe('the command line', () => {
  test('du', () => {
    expect(parse('du')).toEqual({
      command: 'du',
      debug: false,
      options: { filters: [], verbose: false, json: false, cwd: '/home' },
    })
    expect(parse('du --json --verbose --filter type=step --filter until=1h --store /x')).toMatchObject({
      options: { json: true, verbose: true, store: '/x', filters: [{ key: 'type' }, { key: 'until' }] },
    })
  })

  test('prune', () => {
    expect(parse('prune')).toEqual({
      command: 'prune',
      debug: false,
      options: { all: false, filters: [], force: false, verbose: false, cwd: '/home' },
    })
    expect(parse('prune -af --max-used-space 10GB --timeout 5m')).toMatchObject({
      options: { all: true, force: true, maxUsedSpace: 10 * 1024 ** 3, timeout: 300_000 },
    })
    expect(parse('prune --keep-storage=1GB')).toMatchObject({ options: { maxUsedSpace: 1024 ** 3 } })
  })

  test.each([
    ['prune .', /it takes no arguments/],
    ['du --push', /Cannot use "--push": unknown flag/],
    ['prune --filtre x', /unknown flag/],
    ['du -f', /Cannot use "-f": unknown flag/],
  ])('%s is wrong usage', (line, message) => {
    expect(() => parse(line)).toThrow(message)
  })

  test('help', () => {
    expect(parse('help prune')).toMatchObject({ command: 'help', topic: 'prune' })
    expect(parse('du --help')).toMatchObject({ command: 'help', topic: 'du' })
  })

  test('the store of xbuild.yaml is used', () => {
    expect(parse('du', 'store: /from-file')).toMatchObject({ options: { store: '/from-file' } })
    expect(parse('prune', 'store: {folder: /from-file, limit: 20GB}')).toMatchObject({
      options: { store: '/from-file' },
    })
  })

  test('the limit of a build', () => {
    const limit = 20 * 1024 ** 3
    expect(parse('.', 'store: {limit: 20GB}')).toMatchObject({ options: { storeLimit: limit } })
    expect(parse('--store-limit 1GB .', 'store: {limit: 20GB}')).toMatchObject({ options: { storeLimit: 1024 ** 3 } })
    expect(parse('.', 'store: {limit: 20GB}', { XBUILD_STORE_LIMIT: '2GB' })).toMatchObject({
      options: { storeLimit: 2 * 1024 ** 3 },
    })
    expect(() => parse('.', 'store: {limit: much}')).toThrow('Cannot use store.limit "much": not a size')
    expect(() => parse('.', 'store: {limti: 1GB}')).toThrow('Cannot use key "limti" of store: unknown')
  })
})
