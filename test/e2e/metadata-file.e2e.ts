import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const DOCKERFILE = 'FROM scratch AS a\nMAINTAINER me\nCOPY seed /\nFROM a AS b\nFROM a\n'
const folder = tempFolder()
const store = join(folder, 'store')
let cwd: string
let count = 0

beforeEach(() => {
  cwd = writeFiles(join(folder, `case-${++count}`), {
    Dockerfile: DOCKERFILE,
    seed: 'seed\n',
    'docker-bake.hcl': 'group "default" {\n  targets = ["one", "two"]\n}\ntarget "one" {}\ntarget "two" {}\n',
  })
})

async function metadataOf(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stderr } = await xbuild([...argv, '--metadata-file', 'made.json'], { cwd, store, env })
  expect(code, stderr).toBe(0)
  return JSON.parse(readFileSync(join(cwd, 'made.json'), 'utf8')) as Record<string, Record<string, object>>
}

test('tells how an image came to be of which nothing is attested, as buildx does', async () => {
  const made = await metadataOf(['build', '--build-arg', 'WHO=me', '.'])
  expect(made['containerimage.descriptor']).toMatchObject({ mediaType: 'application/vnd.oci.image.manifest.v1+json' })
  const provenance = made['buildx.build.provenance']!
  expect(Object.keys(provenance).toSorted()).toEqual(['buildType', 'builder', 'invocation', 'materials'])
  expect(provenance['invocation']).toMatchObject({ configSource: { entryPoint: 'Dockerfile' } })
  expect(JSON.stringify(provenance)).not.toContain('WHO')
})

test('tells all of it, or nothing, when the environment says so', async () => {
  const all = await metadataOf(['build', '--build-arg', 'WHO=me', '.'], { BUILDX_METADATA_PROVENANCE: 'max' })
  const { buildConfig, invocation } = all['buildx.build.provenance']!
  expect(buildConfig).toBeDefined()
  expect(invocation).toMatchObject({ parameters: { args: { 'build-arg:WHO': 'me' } } })
  const none = await metadataOf(['build', '.'], { BUILDX_METADATA_PROVENANCE: 'disabled' })
  expect(Object.keys(none).filter((key) => key.startsWith('buildx.'))).toEqual([])
})

test('tells of each target of a bake file by its name', async () => {
  const made = await metadataOf(['bake'])
  expect(Object.keys(made)).toEqual(['one', 'two'])
  for (const one of Object.values(made)) expect(one).toHaveProperty(['buildx.build.provenance', 'builder', 'id'], '')
})

test.each([
  ['build', ['build', '.']],
  ['bake', ['bake']],
])('has the warnings of xbuild %s once, in the form of buildx, when they are asked for', async (_, argv) => {
  expect(await metadataOf(argv)).not.toHaveProperty(['buildx.build.warnings'])
  const found = (await metadataOf(argv, { BUILDX_METADATA_WARNINGS: '1' }))['buildx.build.warnings']
  expect(found).toHaveLength(1)
  expect(found).toMatchObject([
    {
      level: 1,
      url: 'https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/',
      sourceInfo: { filename: 'Dockerfile', data: base64(DOCKERFILE), language: 'Dockerfile' },
      range: [{ start: { line: 2 }, end: { line: 2 } }],
    },
  ])
  const [{ short }] = found as unknown as readonly [{ readonly short: string }]
  expect(Buffer.from(short, 'base64').toString()).toMatch(/^MaintainerDeprecated: .+ \(line 2\)$/)
})

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
