import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestRegistry, type TestRegistry } from '../support/registry-server.ts'
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
})

describe('the history of runs', () => {
  let registry: TestRegistry
  beforeAll(async () => void (registry = await startTestRegistry()))
  afterAll(() => registry.stop())

  test('a run is listed, shown, resumed and removed', async () => {
    const options = `{ context: '.', tags: ['${registry.host}/app:1'], push: true }`
    let isBroken = true
    registry.intercepts.push((request, response) => {
      if (!isBroken || request.method !== 'PUT') return false
      response.writeHead(400).end()
      return true
    })
    const failed = await program(`import { build } from 'xbuild'
await build(${options}).catch(({ code }) => console.log(code))`)
    expect(failed.stdout, failed.stderr).toBe('REGISTRY\n')
    isBroken = false
    const { stdout, stderr } = await program(`import { listRuns, removeRuns, resumeRun, showRun } from 'xbuild'
const { id } = (await listRuns({ states: ['failed'] })).at(-1)
console.log((await showRun(id)).images.map(({ status }) => status), (await showRun(id)).results)
const [{ name, result }] = await resumeRun(id)
const { state, results } = await showRun(id)
console.log(name, state, result.run === id, results[''].digest === result.digest)
console.log(result.outputs[0].refs[0].endsWith(result.digest), (await resumeRun(id))[0].result.digest === result.digest)
await removeRuns([id])
await showRun(id).catch(({ code }) => console.log(code))
await removeRuns([id]).catch(({ code }) => console.log(code))`)
    expect(stdout, stderr).toBe("[ 'failed' ] {}\n done true true\ntrue true\nNOT_FOUND\nNOT_FOUND\n")
    expect(registry.manifests.has('app:1')).toBe(true)
  })

  test('what is not built is built as the requests say, which are those of then', async () => {
    const { stdout, stderr } = await program(`import { writeFileSync } from 'node:fs'
import { build, listRuns, resumeRun } from 'xbuild'
const options = { context: '.', file: 'late.Dockerfile', buildArgs: { A: '1' } }
writeFileSync('late.Dockerfile', 'FROM scratch\\nCOPY late.txt /\\n')
await build(options).catch(({ code }) => console.log(code))
writeFileSync('late.txt', 'late')
const { id } = (await listRuns()).at(-1)
await resumeRun(id).catch(({ code, message }) => console.log(code, message.replace(id, 'ID')))
const requests = { ...options, buildArgs: { A: '2' } }
await resumeRun(id, { requests }).catch(({ code, message }) => console.log(code, message.replace(id, 'ID')))
const [{ result }] = await resumeRun(id, { requests: options })
console.log(result.run === id, (await listRuns()).at(-1).state)`)
    expect(stdout, stderr).toMatch(
      /^\w+\nBAD_OPTION Cannot resume "ID": the image has to be built first\nBAD_OPTION Cannot resume "ID": it has other options now: buildArgs\ntrue done\n$/,
    )
  })
})
