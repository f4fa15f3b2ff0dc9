import { expect, test } from 'vitest'
import type { CompleteOptions } from '../../src/config/options.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { parseConfigFile } from '../../src/config/file.ts'
import {
  attestsInIndex,
  parseAttests,
  parseProvenance,
  parseSbom,
  provenanceOf,
  sbomOf,
  type ProvenanceOptions,
} from '../../src/config/attest.ts'
import { parsePlatform } from '../../src/platform.ts'

const MAX: ProvenanceOptions = {
  mode: 'max',
  version: 'v1',
  builderId: '',
  reproducible: false,
  inlineOnly: false,
  filename: 'provenance.json',
}

test.each<[string, ProvenanceOptions | false]>([
  ['true', MAX],
  ['1', MAX],
  ['false', false],
  ['mode=max', MAX],
  ['mode=full', MAX],
  ['mode=min', { ...MAX, mode: 'min' }],
  ['disabled=true', false],
  ['disabled=false,mode=min', { ...MAX, mode: 'min' }],
  ['version=v0.2', { ...MAX, version: 'v0.2' }],
  [
    'mode=min,builder-id=https://ci.example/run/7,reproducible=true,inline-only=true,filename=made.json',
    {
      mode: 'min',
      version: 'v1',
      builderId: 'https://ci.example/run/7',
      reproducible: true,
      inlineOnly: true,
      filename: 'made.json',
    },
  ],
])('--provenance=%s', (text, expected) => {
  expect(parseProvenance(text, '--provenance')).toEqual(expected)
  if (text.includes('='))
    expect(parseAttests([`type=provenance,${text}`], '--attest')).toEqual({ provenance: expected })
})

test.each([
  ['.', 'neither true, false nor a mode'],
  ['mode=some', 'unknown mode "some"'],
  ['version=v2', 'unknown version "v2"'],
  ['filename=../x', 'not a valid file name'],
  ['filename=..', 'not a valid file name'],
  ['builder=x', '"builder" is unknown'],
  ['mode=min,mode=max', 'twice'],
  ['reproducible=perhaps', 'neither true nor false'],
])('--provenance=%s is refused: %s', (text, message) => {
  expect(() => parseProvenance(text, '--provenance')).toThrow(message)
})

test.each([
  [['type=sbom,generator=x'], 'runs no scanner image'],
  [['type=sbom,a=b'], '"a" is unknown'],
  [['type=other'], 'unknown type "other"'],
  [['mode=max'], 'the type is missing'],
])('--attest %j is refused: %s', (texts, message) => {
  expect(() => parseAttests(texts, '--attest')).toThrow(message)
})

test('the last --attest of a type counts, --provenance wins, and nothing is attested unasked', () => {
  expect(parseAttests(['type=sbom', 'type=sbom,disabled=true'], '--attest')).toEqual({ sbom: false })
  expect(parseAttests(['type=provenance,mode=max', 'type=provenance,mode=min'], '--attest')).toMatchObject({
    provenance: { mode: 'min' },
  })
  expect(provenanceOf({})).toBeUndefined()
  expect(provenanceOf({ attest: { provenance: MAX } })).toEqual(MAX)
  expect(provenanceOf({ attest: { provenance: MAX }, provenance: false })).toBeUndefined()
  expect([sbomOf({}), sbomOf({ attest: { sbom: true } }), sbomOf({ attest: { sbom: true }, sbom: false })]).toEqual([
    undefined,
    {},
    undefined,
  ])
})

test('command line and xbuild.yaml', () => {
  const localPlatform = parsePlatform('linux/amd64')
  const file = parseConfigFile('provenance: mode=min\n', 'xbuild.yaml')
  const options = (argv: string[], env: Record<string, string> = {}) => {
    const command = parseArgv(argv, env, { cwd: '/', localPlatform, file })
    return command.command === 'build' ? provenanceOf(command['options'] as CompleteOptions) : command
  }
  expect(options(['.'], { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' })).toMatchObject({ mode: 'min' })
  expect(options(['--provenance', 'mode=max', '.'])).toEqual(MAX)
  expect(options(['--provenance=false', '.'])).toBeUndefined()
})

test('attestations are kept in the index unless their form says otherwise', () => {
  const of = (...texts: string[]) => parseAttests(texts, '--attest')
  expect(of('type=provenance,form=referrers').provenance).toEqual({ ...MAX, form: 'referrers' })
  expect(of('type=sbom,form=referrers')).toEqual({ sbom: { form: 'referrers' } })
  expect(of('type=sbom,form=index')).toEqual({ sbom: { form: 'index' } })
  expect(parseSbom('form=referrers', '--sbom')).toEqual({ form: 'referrers' })
  expect(() => of('type=sbom,form=oci')).toThrow('unknown form "oci"')
  expect(() => of('type=provenance,form=')).toThrow('unknown form ""')
  const both = of('type=sbom,form=referrers', 'type=provenance,form=referrers')
  expect([attestsInIndex({}), attestsInIndex({ attest: both }), attestsInIndex({ attest: both, sbom: true })]).toEqual([
    false,
    false,
    true,
  ])
})
