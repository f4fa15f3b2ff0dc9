import { expect, test } from 'vitest'
import { ConfigFileError, parseConfigFile } from '../../src/config/file.ts'
import { exitCodeOf } from '../../src/errors.ts'

function problems(text: string): string[] {
  try {
    parseConfigFile(text, 'xbuild.yaml')
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    expect(exitCodeOf(error)).toBe(2)
    const all = error.diagnostics.length > 0 ? error.diagnostics : [error]
    return all.map(({ at, message, hint }) => `${at?.line}: ${message}${hint ? ` | ${hint}` : ''}`)
  }
  return []
}

test.each(['', '# nothing\n', '---\n', 'registries:\n'])('%j is an empty configuration', (text) => {
  expect(parseConfigFile(text, 'xbuild.yaml')).toEqual({ registries: {}, values: {} })
})

test('registries and values of flags', () => {
  const text = `
registries:
  docker.io:
    mirrors: [mirror.example:5000, other.example/hub]
  127.0.0.1:5000:
    http: true
  '[::1]:5000': { insecure: true, ca: certs/ca.pem }
platforms: [linux/amd64, linux/arm64]
tags: example/app:1.10
build-args:
  VERSION: 1.10
  FROM_ENV:
labels: [a=b]
jobs: 4
pull: true
outputs:
  - type=oci,dest=out
`
  expect(parseConfigFile(text, 'xbuild.yaml')).toEqual({
    registries: {
      'docker.io': { mirrors: ['mirror.example:5000', 'other.example/hub'] },
      '127.0.0.1:5000': { mirrors: [], http: true },
      '[::1]:5000': { mirrors: [], insecure: true, ca: 'certs/ca.pem' },
    },
    values: {
      platforms: ['linux/amd64', 'linux/arm64'],
      tags: ['example/app:1.10'],
      buildArgs: ['VERSION=1.10', 'FROM_ENV'],
      labels: ['a=b'],
      jobs: ['4'],
      pull: ['true'],
      outputs: ['type=oci,dest=out'],
    },
  })
})

test('every problem is told with its line', () => {
  const text = `platfroms: [linux/amd64]
platforms:
  - linux/amd64
  - linux/amd46
jobs: many
target: [a, b]
registries:
  https://docker.io: {}
  docker.io:
    mirror: x
    mirrors: [http://m]
    http: perhaps
labels: 3
tags: {a: b}
`
  expect(problems(text)).toEqual([
    '1: Cannot use key "platfroms": unknown | Did you mean "platforms"?',
    '4: Cannot parse platform "linux/amd46": unknown architecture "amd46" | Did you mean "amd64"?',
    '5: Cannot use jobs "many": not a whole number of at least 1',
    '6: Cannot use target: one value is needed and there are 2',
    '8: Cannot use registry "https://docker.io": not a host name | Write it like registry.example or 127.0.0.1:5000, without https://',
    '10: Cannot use key "mirror" of registry "docker.io": unknown | Did you mean "mirrors"?',
    '11: Cannot use mirror "http://m": not a host name | Write it like mirror.example:5000, without http://',
    '12: Cannot use http "perhaps": neither true nor false',
    '14: Cannot use tags: a string is needed',
  ])
})

test.each([
  ['a: [', /Cannot read "xbuild.yaml": /],
  ['tags: [x]\ntags: [y]', /2: Cannot read "xbuild.yaml": Map keys must be unique/],
  ['- a', /1: Cannot use the file: keys and values are needed/],
  ['text', /1: Cannot use the file: keys and values are needed/],
  ['x: &a [1]\ntags: *a', /2: Cannot read "xbuild.yaml": aliases are not supported/],
  [`tags: ${'['.repeat(40)}${']'.repeat(40)}`, /nested too deeply/],
  ['? [a]\n: b', /a key is not a string/],
  ['a: 1\n---\nb: 2', /Cannot read/],
  ['tags:', /1: Cannot use tags: a string is needed/],
])('%j is refused', (text, problem) => {
  expect(problems(text)[0]).toMatch(problem)
})
