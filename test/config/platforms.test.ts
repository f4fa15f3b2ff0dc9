import { expect, test } from 'vitest'
import { readArgv } from '../../src/cli/command-line.ts'
import { parseConfigFile } from '../../src/config/file.ts'
import { describeOverride, optionsFor } from '../../src/config/overrides.ts'
import { parseInvocation } from '../../src/cli/command-line.ts'
import type { CompleteOptions } from '../../src/config/options.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

const localPlatform = parsePlatform('linux/amd64')
const FILE = `platforms:
  local:
  linux/arm64:
    dockerfile: Dockerfile.arm
    target: small
    args: {JOBS: 2, FROM_ENV: }
    base: {debian: registry.example/debian-arm, tools: oci-layout://tools:v1}
    timeout: 20m
    optional: true
target: full
timeout: 1h
build-args: {JOBS: 8, MODE: fast}
`

function options(argv: readonly string[], text = FILE): CompleteOptions {
  const command = parseInvocation(
    readArgv(['build', ...argv, '.']),
    { FROM_ENV: 'yes' },
    { cwd: '/', localPlatform, file: parseConfigFile(text, 'xbuild.yaml') },
  )
  if (command.command !== 'build') throw new Error('not a build')
  return command['options'] as CompleteOptions
}

const arm64 = parsePlatform('linux/arm64')

test('platforms as keys are the platforms, in their order', () => {
  expect(options([]).platforms.map(formatPlatform)).toEqual(['linux/amd64', 'linux/arm64'])
})

test('one platform is built in its own way, the others as before', () => {
  expect(optionsFor(options([]), arm64)).toMatchObject({
    file: 'Dockerfile.arm',
    target: 'small',
    timeout: 20 * 60_000,
    buildArgs: { JOBS: '2', MODE: 'fast', FROM_ENV: 'yes' },
    buildContexts: {
      debian: { kind: 'image', ref: 'registry.example/debian-arm' },
      tools: { kind: 'oci-layout', path: 'tools', ref: 'v1' },
    },
  })
  expect(optionsFor(options([]), localPlatform)).toMatchObject({
    target: 'full',
    timeout: 3_600_000,
    buildArgs: { JOBS: '8', MODE: 'fast' },
    buildContexts: {},
  })
})

test('the command line wins, name by name', () => {
  const given = options([
    '--target',
    'other',
    '-f',
    'Own',
    '--timeout',
    '5s',
    '--build-arg',
    'JOBS=1',
    '--build-context',
    'debian=docker-image://debian:13',
  ])
  expect(optionsFor(given, arm64)).toMatchObject({
    file: 'Own',
    target: 'other',
    timeout: 5000,
    buildArgs: { JOBS: '1', FROM_ENV: 'yes' },
    buildContexts: { debian: { kind: 'image', ref: 'debian:13' }, tools: { kind: 'oci-layout' } },
  })
})

test('is told in the words of the file, without values of args', () => {
  const [, override] = options([]).overrides!
  expect(describeOverride(override!)).toEqual([
    'dockerfile Dockerfile.arm',
    'target small',
    'args JOBS FROM_ENV',
    'base debian = registry.example/debian-arm',
    'base tools = tools',
    'timeout 1200 s',
    'optional',
  ])
})

test.each([
  ['platforms:\n  linux/arm64: small\n', /2: Cannot use platform "linux\/arm64": keys and values are needed/],
  ['platforms:\n  linux/arm64: {args: [[a]]}\n', /2: Cannot use args: names and values are needed/],
  ['platforms:\n  linux/arm64: {file: x}\n', /2: .*Did you mean "dockerfile"/],
  ['platforms:\n  linux/arm64: {optional: perhaps}\n', /2: .*neither true nor false/],
  ['platforms:\n  linux/arm64: {base: {a: }}\n', /2: Cannot use base: names and values are needed/],
])('%j is refused', (text, said) => {
  let message = ''
  try {
    parseConfigFile(text, 'xbuild.yaml')
  } catch (error) {
    const { at, message: text, hint } = error as { at?: { line: number }; message: string; hint?: string }
    message = `${at?.line}: ${text} ${hint ?? ''}`
  }
  expect(message).toMatch(said)
})
