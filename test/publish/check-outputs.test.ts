import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePlatform } from '../../src/platform.ts'
import { checkDestinations, checkOutputs, type OutputOptions } from '../../src/publish/check-outputs.ts'

const base: OutputOptions = { outputs: [], push: false, tags: [], platforms: [], annotations: [], cwd: '/home/me' }
const pipe = { stdoutIsTerminal: false }
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xbuild-check-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('destinations become absolute, tags are read once, --push is a registry output', () => {
  const plan = checkOutputs(
    {
      ...base,
      outputs: [{ type: 'oci', dest: 'out', tar: false }],
      push: true,
      tags: ['a', 'a:latest', 'r.example/b:1'],
    },
    pipe,
  )
  expect(plan.outputs).toEqual([{ type: 'oci', dest: '/home/me/out', tar: false }, { type: 'registry' }])
  expect(plan.tags).toEqual([
    { host: 'docker.io', repository: 'library/a', tag: 'latest' },
    { host: 'r.example', repository: 'b', tag: '1' },
  ])
})

test('--push beside type=registry pushes once', () => {
  expect(checkOutputs({ ...base, outputs: [{ type: 'registry' }], push: true, tags: ['a'] }, pipe).outputs).toEqual([
    { type: 'registry' },
  ])
})

test('--push pushes an image as its output says', () => {
  const outputs = [{ type: 'cacheonly', names: ['r.example:5000/a'], pushByDigest: true }] as const
  expect(checkOutputs({ ...base, outputs, push: true }, pipe).outputs).toEqual([{ ...outputs[0], type: 'registry' }])
  const twice = [
    { type: 'registry', names: ['a'] },
    { type: 'registry', names: ['a'] },
  ] as const
  expect(checkOutputs({ ...base, outputs: twice }, pipe).outputs).toEqual([{ type: 'registry', names: ['a'] }])
})

test.each<[string, Partial<OutputOptions>, RegExp]>([
  ['a push without a tag', { push: true }, /Cannot push: the image has no name/],
  ['a registry output without a tag', { outputs: [{ type: 'registry' }] }, /Cannot push: the image has no name/],
  ['a digest as a tag', { tags: [`a@sha256:${'0'.repeat(64)}`] }, /a tag cannot contain a digest/],
  ['a bad tag', { tags: ['A'] }, /lower case/],
  [
    'two outputs in one place',
    {
      outputs: [
        { type: 'local', dest: 'x' },
        { type: 'tar', dest: './x' },
      ],
    },
    /two outputs have this destination/,
  ],
  [
    'two outputs to stdout',
    {
      outputs: [
        { type: 'tar', dest: '-' },
        { type: 'oci', dest: '-', tar: true },
      ],
    },
    /two outputs have this destination/,
  ],
  ['a folder to stdout', { outputs: [{ type: 'local', dest: '-' }] }, /a folder cannot be written to stdout/],
  ['a layout to stdout', { outputs: [{ type: 'oci', dest: '-', tar: false }] }, /a folder cannot be written to stdout/],
  ['nowhere', { outputs: [{ type: 'tar', dest: '' }] }, /the destination is empty/],
  ['the root of the machine', { outputs: [{ type: 'local', dest: '/' }] }, /it is the root folder of this machine/],
  [
    'a platform twice',
    { platforms: [parsePlatform('linux/arm64'), parsePlatform('linux/arm64/v8')] },
    /"linux\/arm64" twice/,
  ],
  [
    'a tag beside a push by digest',
    { outputs: [{ type: 'registry', pushByDigest: true }], tags: ['r.example:5000/a:1'] },
    /Cannot push "r.example:5000\/a:1" by digest: it has a tag/,
  ],
  [
    'an output with attestations and media types that have none',
    { outputs: [{ type: 'oci', dest: 'x', tar: false, ociMediaTypes: false }], provenance: { mode: 'min' } as never },
    /attestations need the media types of OCI/,
  ],
  [
    'annotations and media types that have none',
    { outputs: [{ type: 'oci', dest: 'x', tar: false, ociMediaTypes: false }], annotations: ['a=b'] },
    /Docker's manifests have no annotations/,
  ],
  [
    'times without a time',
    { outputs: [{ type: 'cacheonly', rewriteTimestamp: true }] },
    /rewrite-timestamp=true needs a time/,
  ],
  [
    'times that stay in spite of a time',
    { outputs: [{ type: 'cacheonly', rewriteTimestamp: false }], sourceDateEpoch: 0 },
    /always rewrites the times of files/,
  ],
  [
    'an annotation of an output for a platform that is not built',
    {
      outputs: [{ type: 'cacheonly', annotations: ['manifest[linux/s390x]:a=b'] }],
      platforms: [parsePlatform('linux/arm64'), parsePlatform('linux/amd64')],
    },
    /Cannot annotate "linux\/s390x"/,
  ],
  [
    'an annotation of no index',
    { platforms: [parsePlatform('linux/arm64')], annotations: ['index:a=b'] },
    /has no index/,
  ],
])('%s is refused before anything is built', (_, options, message) => {
  expect(() => checkOutputs({ ...base, ...options }, pipe)).toThrow(message)
})

test('an archive is not written to a terminal', () => {
  expect(() => checkOutputs({ ...base, outputs: [{ type: 'tar', dest: '-' }] }, { stdoutIsTerminal: true })).toThrow(
    /stdout is a terminal/,
  )
})

test('destinations that cannot be used are found on the disk before the build', async () => {
  await mkdir(join(folder, 'full'))
  await writeFile(join(folder, 'full', 'precious'), '')
  const check = (output: OutputOptions['outputs'][number]) =>
    checkDestinations(checkOutputs({ ...base, cwd: folder, outputs: [output] }, pipe))
  await expect(check({ type: 'oci', dest: 'full', tar: false })).rejects.toThrow(/it holds other files/)
  await expect(check({ type: 'oci', dest: 'full/precious', tar: false })).rejects.toThrow(/it is not a folder/)
  await expect(check({ type: 'oci', dest: 'full', tar: true })).rejects.toThrow(/it is a folder/)
  await expect(check({ type: 'local', dest: 'full/precious' })).rejects.toThrow(/it is not a folder/)
  await expect(check({ type: 'tar', dest: 'full/precious/x' })).rejects.toThrow(/a part of the path is not a folder/)
  await expect(check({ type: 'local', dest: 'full' })).resolves.toBeUndefined()
  await expect(check({ type: 'oci', dest: 'new/layout', tar: false })).resolves.toBeUndefined()
})
