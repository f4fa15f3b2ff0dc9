import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import {
  BUILDAH_FLAGS,
  BUILDX_FLAGS,
  IMAGE_FLAGS_OF_OTHERS,
  insteadOf,
  KANIKO_FLAGS,
  SAME,
} from '../../src/config/flags-of-others.ts'
import { readArgv } from '../../src/cli/command-line.ts'

const build = COMMANDS.find(({ name }) => name === 'build')!
const own = new Set(Object.values(build.flags).flatMap(({ name, aliases = [] }) => [name, ...aliases]))
const RESOURCES = ['memory', 'memory-swap', 'cpu-period', 'cpu-quota', 'cpu-shares', 'cpuset-cpus', 'cpuset-mems']

describe.each([
  ['buildx', BUILDX_FLAGS],
  ['buildah', BUILDAH_FLAGS],
  ['kaniko', KANIKO_FLAGS],
  ['tools for images', IMAGE_FLAGS_OF_OTHERS],
])('the flags of %s', (_, flags) => {
  test('that are the same exist', () => {
    const same = Object.keys(flags).filter((name) => flags[name] === SAME)
    expect(same.filter((name) => !own.has(name) && !RESOURCES.includes(name))).toEqual([])
  })

  test('that are not the same have texts that name only flags of xbuild', () => {
    const all = new Set(COMMANDS.flatMap(({ flags: those }) => Object.values(those).map(({ name }) => name)))
    const ofInstructions = ['security', 'device', 'mount', 'from']
    const named = Object.values(flags)
      .filter((text) => text !== SAME)
      .flatMap((text) => [...text.matchAll(/--([a-z][\w-]*)/g)].map(([, name]) => name!))
    expect(named.filter((name) => !all.has(name) && !ofInstructions.includes(name))).toEqual([])
  })
})

test.each([
  ['--all-platforms', 'Use --platform all'],
  ['--destination=app', 'Use --tag NAME --push'],
  ['--volume', 'Use RUN --mount=type=bind with --build-context NAME=FOLDER, or --mount=type=cache'],
])('%s is an error that says what to use', (flag, hint) => {
  expect(() => readArgv(['build', flag, '.'])).toThrow(
    expect.objectContaining({ code: 'BAD_OPTION', hint, message: expect.stringContaining('flag of another tool') }),
  )
})

test.each([
  ['--dest-tls-verify=false', /user configuration/],
  ['--all', /all its platforms/],
  ['--preserve-digests', /never change/],
])('%s of skopeo is known to xbuild image', (flag, hint) => {
  expect(() => readArgv(['image', 'copy', flag, 'a', 'b'])).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(hint), message: expect.stringContaining('of another tool') }),
  )
})

test('a flag of no tool gets the nearest one', () => {
  expect(insteadOf('plattform')).toBeUndefined()
  expect(insteadOf('toString')).toBeUndefined()
  expect(() => readArgv(['build', '--plattform', 'x', '.'])).toThrow(
    expect.objectContaining({ hint: 'Did you mean --platform?' }),
  )
})
