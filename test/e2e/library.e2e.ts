import { join } from 'node:path'
<<<<<<< HEAD
import { beforeAll, describe, expect, test } from 'vitest'
import { writeFiles } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { run, runOk, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const context = join(folder, 'context')
const store = join(folder, 'store')
const example = (name: string) => join(root, 'examples/library', name)

beforeAll(() =>
  writeFiles(context, {
    Dockerfile: 'FROM scratch\nCOPY greeting.txt /\n',
    'app.Dockerfile': 'FROM base\nCOPY greeting.txt /again.txt\n',
    'greeting.txt': 'hello\n',
  }),
)

/** Runs a program that imports the package by its name, as a project that depends on it does. */
const program = (text: string): Promise<Ended> =>
  run(process.execPath, ['--input-type=module', '-e', text.replace("'xbuild'", JSON.stringify(library))], {
    cwd: context,
    store,
  })
const library = join(root, 'dist/index.js')

describe('the library with nothing but a context', () => {
  test('builds as the command with nothing but a path', async () => {
    const digest = await runOk(process.execPath, [example('build.mjs')], { cwd: context, store })
    const command = await runOk(process.execPath, [join(root, 'dist/xbuild.cjs'), '.'], { cwd: context, store })
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}\n$/)
    expect(digest).toBe(command)
  })

  test('builds several images, one from the other', async () => {
    const lines = await runOk(process.execPath, [example('build-many.mjs')], { cwd: context, store })
    expect(lines).toMatch(/^base sha256:[0-9a-f]{64}\napp sha256:[0-9a-f]{64}\n$/)
    const [base, app] = lines
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[1])
    expect(app).not.toBe(base)
  })

  test('takes platforms as text', async () => {
    const { stdout, stderr } = await program(`import { build } from 'xbuild'
const { images } = await build({ context: '.', platforms: ['linux/arm/v7', 'linux/riscv64'] })
console.log(images.map(({ platform }) => platform).join(' '))`)
    expect(stdout, stderr).toBe('linux/arm/v7 linux/riscv64\n')
  })

  test.each([
    [
      "{ context: '.', platform: ['linux/arm64'] }",
      'BAD_OPTION Cannot build: unknown option "platform" Did you mean "platforms"',
    ],
    [
      '{}',
      'BAD_OPTION Cannot build: the option "context" is missing Name the folder with the Dockerfile, like { context: \'.\' }',
    ],
    ['[]', 'BAD_OPTION Cannot build: no image was asked for undefined'],
    ["{ context: '.', platforms: ['linux/'] }", 'BAD_PLATFORM'],
  ])('refuses %s', async (options, problem) => {
    const { stdout } = await program(`import { build, plan } from 'xbuild'
for (const work of [build, plan])
  await work(${options}).catch(({ code, message, hint }) => console.log(code, message, hint))`)
    const [built, planned] = stdout.trim().split('\n')
    expect(built).toContain(problem)
    expect(planned).toBe(built)
  })
=======
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
>>>>>>> b2a9175 (Give the library bake and composeBuild)
})
