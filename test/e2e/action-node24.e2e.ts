import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { runStep } from '../support/actions-runner.ts'
import { runImage, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { node24 } from './support/node24.ts'
import { root, tempFolder } from './support/places.ts'
import { runOk } from './support/xbuild.ts'

const folder = tempFolder()
const [main, post] = ['main', 'post'].map((name) => join(root, `dist/action/${name}.cjs`)) as [string, string]
let node: string

beforeAll(async () => {
  node = await node24()
})

test('the Node of these tests is that of action.yml', async () => {
  expect(await runOk(node, ['--version'])).toMatch(/^v24\./)
})

test('a step builds for two platforms, tells of it, and leaves nothing behind', async () => {
  const workspace = writeFiles(join(folder, 'work'), {
    Dockerfile: 'FROM busybox\nARG NAME\nRUN echo "$NAME" > /name && uname -m >> /name\nCMD ["cat", "/name"]\n',
  })
  const runner = join(folder, 'runner')
  const step = await runStep(runner, {
    node,
    entry: main,
    workspace,
    inputs: {
      context: '.',
      platforms: 'linux/amd64,linux/arm64',
      tags: 'octo/app:1',
      'build-args': 'NAME=x::y%0A',
      'build-contexts': `busybox=oci-layout://${await baseLayout('busybox')}`,
      outputs: 'type=oci,dest=out',
    },
  })
  expect(step.code, step.log).toBe(0)
  expect((await runImage(join(workspace, 'out'), 'linux/arm64')).stdout).toBe('x::y%0A\naarch64\n')
  expect(Object.keys(JSON.parse(step.outputs['digests']!)).sort()).toEqual(['linux/amd64', 'linux/arm64'])
  expect(step.summary).toContain('```mermaid\n')
  const ended = await runStep(runner, { node, entry: post, workspace, state: step.state })
  expect(ended.code, ended.log).toBe(0)
  expect(readdirSync(join(runner, 'temp'))).toEqual([])
})

test('a step that fails annotates the line', async () => {
  const workspace = writeFiles(join(folder, 'failing'), { Dockerfile: 'FROM scratch\nCOPY gone /gone\n' })
  const runner = join(folder, 'failing-runner')
  const { code, commands } = await runStep(runner, { node, entry: main, workspace, inputs: { context: '.' } })
  expect(code).toBe(1)
  const errors = commands.filter(({ name }) => name === 'error')
  expect(errors.map(({ properties }) => [properties['file'], properties['line']])).toEqual([['Dockerfile', '2']])
})

test('targets of a bake file, and a call', async () => {
  const workspace = writeFiles(join(folder, 'bake'), {
    'docker-bake.hcl':
      'target "default" {\n  dockerfile-inline = "FROM scratch\\nCOPY docker-bake.hcl /"\n  output = ["type=oci,dest=out"]\n}\n',
    Dockerfile: 'from scratch\n',
  })
  const runner = join(folder, 'bake-runner')
  const baked = await runStep(runner, { node, entry: main, workspace, inputs: { targets: 'default', source: '.' } })
  expect(baked.code, baked.log).toBe(0)
  expect(existsSync(join(workspace, 'out/index.json'))).toBe(true)
  const checked = await runStep(runner, { node, entry: main, workspace, inputs: { context: '.', call: 'check' } })
  expect(checked.log).toMatch(/check/i)
})
