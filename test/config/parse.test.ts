import { describe, expect, test } from 'vitest'
import { parseConfigFile } from '../../src/config/file.ts'
import type { CompleteOptions } from '../../src/config/options.ts'
import type { Parsed } from '../../src/cli/command.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { exitCodeOf, toXbuildError, type XbuildError } from '../../src/errors.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

const amd64 = parsePlatform('linux/amd64')

function parse(argv: readonly string[], env: Record<string, string> = {}, yaml?: string): Parsed {
  const file = yaml === undefined ? {} : { file: parseConfigFile(yaml, 'xbuild.yaml') }
  return parseArgv(argv, env, { cwd: '/home', localPlatform: amd64, ...file })
}

function options(argv: readonly string[], env: Record<string, string> = {}, yaml?: string): CompleteOptions {
  const command = parse(argv, env, yaml)
  if (command.command !== 'build' && command.command !== 'plan') throw new Error(`not a build: ${command.command}`)
  return command['options'] as CompleteOptions
}

function failure(run: () => unknown): XbuildError {
  try {
    run()
  } catch (error) {
    return toXbuildError(error)
  }
  throw new Error('it did not fail')
}

test('a bare PATH takes every default', () => {
  expect(options(['.'])).toEqual({
    context: '.',
    platforms: [],
    tags: [],
    buildArgs: {},
    outputs: [],
    push: false,
    noCache: false,
    pull: false,
    progress: 'auto',
    labels: {},
    annotations: [],
    buildContexts: {},
    cacheFrom: [],
    cacheTo: [],
    registries: {},
    cwd: '/home',
  })
})

describe('one flag', () => {
  const cases: readonly (readonly [
    argv: string,
    option: keyof CompleteOptions,
    value: unknown,
    env?: Record<string, string>,
  ])[] = [
    ['-t a -t b:1 --tag=a', 'tags', ['a', 'b:1']],
    ['-ta', 'tags', ['a']],
    ['-t=a', 'tags', ['a']],
    ['-f deploy/Dockerfile', 'file', 'deploy/Dockerfile'],
    ['-f a --file b', 'file', 'b'],
    ['--target build', 'target', 'build'],
    ['--build-arg A=1 --build-arg B=x=y --build-arg C= --build-arg A=2', 'buildArgs', { A: '2', B: 'x=y', C: '' }],
    ['--build-arg A --build-arg GONE', 'buildArgs', { A: 'from env' }, { A: 'from env' }],
    ['--label a.b=c --label d', 'labels', { 'a.b': 'c', d: '' }],
    ['--annotation index:a=b --annotation c=d', 'annotations', ['index:a=b', 'c=d']],
    ['--build-context base=docker-image://alpine:3', 'buildContexts', { base: { kind: 'image', ref: 'alpine:3' } }],
    ['-o out', 'outputs', [{ type: 'local', dest: 'out' }]],
    ['-o -', 'outputs', [{ type: 'tar', dest: '-' }]],
    [
      '-o type=oci,dest=x.tar -o type=local,dest=y',
      'outputs',
      [
        { type: 'oci', dest: 'x.tar', tar: true },
        { type: 'local', dest: 'y' },
      ],
    ],
    ['--push -t a', 'push', true],
    ['--push=false', 'push', false],
    ['--push=T -t a', 'push', true],
    ['--no-cache', 'noCache', true],
    ['--pull', 'pull', true],
    ['--progress plain', 'progress', 'plain'],
    ['--progress none', 'progress', 'quiet'],
    ['-q', 'progress', 'quiet'],
    ['-q --progress quiet', 'progress', 'quiet'],
    ['--metadata-file m.json', 'metadataFile', 'm.json'],
    ['--iidfile id', 'iidFile', 'id'],
    ['--jobs 3', 'jobs', 3],
    ['--oci-runtime crun', 'ociRuntime', 'crun'],
    ['--store /s', 'store', '/s'],
    ['', 'progress', 'plain', { BUILDKIT_PROGRESS: 'plain' }],
    ['--progress tty', 'progress', 'tty', { BUILDKIT_PROGRESS: 'plain' }],
    ['', 'sourceDateEpoch', 1700000000, { SOURCE_DATE_EPOCH: '1700000000' }],
    ['', 'sourceDateEpoch', undefined, { SOURCE_DATE_EPOCH: '' }],
    ['', 'buildArgs', { SOURCE_DATE_EPOCH: '7' }, { SOURCE_DATE_EPOCH: '7' }],
    ['--build-arg SOURCE_DATE_EPOCH=0', 'sourceDateEpoch', 0, { SOURCE_DATE_EPOCH: '7' }],
  ]
  const named = cases.map(([argv, option, value, env]) => ({ argv, option, value, env }))
  test.each(named)('$argv sets $option', ({ argv, option, value, env }) => {
    expect(options([...argv.split(' ').filter(Boolean), '.'], env)[option]).toEqual(value)
  })
})

describe('--platform', () => {
  const platforms = (argv: readonly string[], env?: Record<string, string>, yaml?: string) =>
    options([...argv, '.'], env, yaml).platforms.map(formatPlatform)
  test.each([
    [
      ['--platform', 'linux/amd64,linux/arm64'],
      ['linux/amd64', 'linux/arm64'],
    ],
    [
      ['--platform', 'linux/amd64', '--platform', 'linux/arm/v7'],
      ['linux/amd64', 'linux/arm/v7'],
    ],
    [['--platform', 'linux/aarch64, linux/arm64/v8'], ['linux/arm64']],
    [
      ['--platform', 'local,arm64'],
      ['linux/amd64', 'linux/arm64'],
    ],
  ])('%j', (argv, expected) => {
    expect(platforms(argv)).toEqual(expected)
  })

  test('argv wins over the environment, the environment over xbuild.yaml', () => {
    const yaml = 'platforms: [linux/riscv64]'
    expect(platforms([], {}, yaml)).toEqual(['linux/riscv64'])
    expect(platforms([], { DOCKER_DEFAULT_PLATFORM: 'linux/s390x' }, yaml)).toEqual(['linux/s390x'])
    expect(platforms(['--platform', 'linux/386'], { DOCKER_DEFAULT_PLATFORM: 'linux/s390x' }, yaml)).toEqual([
      'linux/386',
    ])
  })
})

test('named values of xbuild.yaml and of the command line are put together, lists are replaced', () => {
  const built = options(
    ['--build-arg', 'B=line', '-t', 'line', '.'],
    {},
    'build-args: {A: file, B: file}\ntags: [file]',
  )
  expect(built.buildArgs).toEqual({ A: 'file', B: 'line' })
  expect(built.tags).toEqual(['line'])
})

test('a name like __proto__ stays a name', () => {
  const { buildArgs } = options(['--build-arg', '__proto__=x', '.'])
  expect(Object.entries(buildArgs)).toEqual([['__proto__', 'x']])
})

test.each<[argv: string[], command: Partial<Parsed>]>([
  [[], { command: 'build', topic: undefined }],
  [['help'], { command: 'help' }],
  [['help', 'plan'], { command: 'help', topic: 'plan' }],
  [['--help'], { command: 'help' }],
  [['build', '-h'], { command: 'help', topic: 'build' }],
  [['plan', '--help', '.'], { command: 'help', topic: 'plan' }],
  [['version'], { command: 'version' }],
  [['--version'], { command: 'version' }],
  [['-v'], { command: 'version' }],
  [['build', '.'], { command: 'build', debug: false }],
  [['-D', '.'], { command: 'build', debug: true }],
  [['plan', '.', '--json'], { command: 'plan', json: true }],
])('%j is a command', (argv, command) => {
  expect(parse(argv)).toMatchObject(command)
})

test.each<[argv: string[], context: string]>([
  [['build', 'build'], 'build'],
  [['--', '-strange'], '-strange'],
  [['app', '--pull'], 'app'],
  [['-Dq', 'app'], 'app'],
])('%j takes its PATH', (argv, context) => {
  expect(options(argv).context).toBe(context)
})

test.each<[argv: string[], message: RegExp, hint: RegExp]>([
  [['build'], /PATH is missing/, /xbuild --platform/],
  [['plan'], /PATH is missing/, /xbuild plan --platform/],
  [['plna', '.'], /one PATH is needed and there are 2/, /xbuild plan \./],
  [['a', 'b'], /one PATH/, /Quote/],
  [['--platfrom', 'x', '.'], /"--platfrom": unknown flag/, /--platform\?/],
  [['-x', '.'], /"-x": unknown flag/, /help build/],
  [['.', '--tag'], /"--tag": its value is missing/, /--tag VALUE/],
  [['-t'], /"-t": its value is missing/, /-t VALUE/],
  [['--audit-except', '/opt/[', '.'], /--audit-except "\/opt\/\[": it is no pattern/, /backslash/],
  [['--jobs', '0', '.'], /--jobs "0": not a whole number of at least 1/, /^$/],
  [['--jobs', '1e3', '.'], /not a whole number/, /^$/],
  [['--push=maybe', '.'], /--push "maybe": neither true nor false/, /true or false/],
  [['--progress', 'fancy', '.'], /--progress "fancy": unknown mode/, /rawjson/],
  [['-q', '--progress', 'plain', '.'], /contradict/, /Leave out one/],
  [['-t', `a@sha256:${'a'.repeat(64)}`, '.'], /cannot contain a digest/, /"@"/],
  [['-t', 'UPPER', '.'], /lower case/, /upper/],
  [['-t', 'https://a/b', '.'], /URL/, /https/],
  [['--platform', 'linux/amd46', '.'], /unknown architecture/, /amd64/],
  [['--platform', '', '.'], /Cannot parse platform/, /linux\/arm64/],
  [['--build-arg', '=x', '.'], /the name before "=" is missing/, /NAME=value/],
  [['-f', 'https://x/repository.git', '.'], /it is a git repository/, /as the context/],
  [['-f', '', '.'], /--file "": empty/, /^$/],
  [['ftp://example.org/a'], /this kind of URL is not supported/, /git, http or https/],
  [['https://example.org/a.git#--upload-pack=x'], /not a branch, tag or commit/, /^$/],
  [['--json', '.'], /belongs to xbuild plan/, /--metadata-file/],
  [['help', 'bild'], /"bild": unknown command/, /xbuild help build/],
  [['--annotation', 'x', '.'], /annotation "x": it has no "="/, /index:KEY=VALUE/],
])('%j is wrong usage', (argv, message, hint) => {
  const error = failure(() => parse(argv))
  expect(error.message).toMatch(message)
  expect(error.hint ?? '').toMatch(hint)
  expect(exitCodeOf(error)).toBe(2)
})

test('a bad value in the environment says where it came from', () => {
  expect(failure(() => parse(['.'], { DOCKER_DEFAULT_PLATFORM: 'linux/nope' })).message).toContain(
    '(from DOCKER_DEFAULT_PLATFORM)',
  )
  const ofContext = parse(['.', '--build-arg', 'SOURCE_DATE_EPOCH=context', '--build-arg', 'A=1'])
  expect(ofContext).toMatchObject({ options: { buildArgs: { A: '1' }, epochOfContext: 'context' } })
  expect(JSON.stringify(ofContext)).not.toMatch(/SOURCE_DATE_EPOCH|sourceDateEpoch/)
  const named = ['.', '--build-context', 'sources=https://example.com/a.git']
  expect(parse(named, { SOURCE_DATE_EPOCH: 'sources' })).toMatchObject({ options: { epochOfContext: 'sources' } })
  const epoch = failure(() => parse(named, { SOURCE_DATE_EPOCH: 'now' }))
  expect(epoch.message).toBe('Cannot use SOURCE_DATE_EPOCH "now": not a whole number of at least 0')
})
