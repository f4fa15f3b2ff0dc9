import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BuildEvent } from '../../src/index.ts'
import { writeFiles } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { run } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const { bake, composeBuild } = (await import(join(root, 'dist/index.js'))) as typeof import('../../src/index.ts')
const PLATFORMS = ['linux/amd64', 'linux/arm64']

test('the example prints every image of its bake file', async () => {
  const { code, stdout, stderr } = await run(process.execPath, [join(root, 'examples/bake/bake.mjs')], { store })
  expect(code, stderr).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map((line) => line.replace(/ sha256:[0-9a-f]{64}$/, ''))).toEqual(
    ['greeting', 'copy'].flatMap((name) => PLATFORMS.map((platform) => `${name} ${platform}`)),
  )
  expect(stderr).toContain('building copy linux/arm64\n')
})

test('services have a result each, and one that fails has its error', async () => {
  const cwd = writeFiles(join(folder, 'compose'), {
    'compose.yaml': `
services:
  good: {build: {dockerfile_inline: "FROM scratch\\nARG A\\nLABEL a=$$A\\nCOPY compose.yaml /"}}
  bad: {build: {dockerfile_inline: "FROM scratch\\nCOPY missing /"}}
`,
  })
  const events: BuildEvent[] = []
  const build = composeBuild([], { cwd, store, buildArgs: { A: '1' } })
  for await (const event of build) events.push(event)
  const { ok, images } = await build.result
  expect(ok).toBe(false)
  expect(images['good']).toMatchObject({ digest: expect.stringMatching(/^sha256:/) })
  expect(images['bad']?.error).toMatchObject({
    code: 'NOT_FOUND',
    failures: [{ error: { message: expect.stringContaining('missing') } }],
  })
  expect(events.filter(({ type }) => type === 'job.done')).toHaveLength(1)
})

test('what is wrong with a file ends both the events and the result', async () => {
  const cwd = writeFiles(join(folder, 'wrong'), { 'docker-bake.hcl': 'target "a" { tags = [' })
  const build = bake([], { cwd, store, targets: ['a'] })
  const read = (async () => {
    for await (const event of build) expect(event).toBeUndefined()
  })()
  await expect(read).rejects.toMatchObject({ code: 'BAD_OPTION', at: { file: 'docker-bake.hcl', line: 1 } })
  await expect(build.result).rejects.toMatchObject({ code: 'BAD_OPTION' })
})

test('what a file asks for is granted by allow, as on the command line', async () => {
  const cwd = writeFiles(join(folder, 'asks/project'), {
    'docker-bake.hcl': 'target "default" { context = "../other" }',
  })
  writeFiles(join(folder, 'asks/other'), { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
  await expect(bake([], { cwd, store }).result).rejects.toMatchObject({ code: 'BAD_OPTION' })
  const { ok } = await bake([], { cwd, store, allow: ['fs.read=../other'] }).result
  expect(ok).toBe(true)
})

test('a signal ends the build', async () => {
  const cwd = writeFiles(join(folder, 'stop'), {
    'docker-bake.hcl': 'target "default" { dockerfile-inline = "FROM scratch\\nCOPY docker-bake.hcl /" }',
  })
  const build = bake([], { cwd, store, signal: AbortSignal.abort() })
  await expect(build.result).rejects.toMatchObject({ code: 'CANCELED' })
})
