import { chmodSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { runWorkflow } from '../support/workflow-runner.ts'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { program, root, tempFolder } from './support/places.ts'
import { runOk } from './support/xbuild.ts'

const WORKFLOW = join(root, '.github/workflows/xbuild.yml')
const folder = tempFolder()
let registry: DebianRegistry
let layout: string

beforeAll(async () => {
  registry = await startRegistry()
  layout = (await withBases('busybox'))[1]!.replace('busybox=', '')
  // What a runner has: nothing but xbuild is the real thing
  writeFiles(join(folder, 'bin'), {
    npm: '#!/bin/sh\n',
    docker: '#!/bin/sh\ncat >/dev/null\n',
    sudo: '#!/bin/sh\nexec "$@"\n',
    xbuild: `#!/bin/sh\n[ "$1" = doctor ] || exec "${process.execPath}" "${program}" "$@"\n`,
  })
  for (const name of ['npm', 'docker', 'sudo', 'xbuild']) chmodSync(join(folder, 'bin', name), 0o755)
})
afterAll(() => registry.stop())

function call(name: string, inputs: Readonly<Record<string, unknown>>, files: Readonly<Record<string, string>>) {
  const own = join(folder, name)
  return runWorkflow(WORKFLOW, {
    inputs,
    project: writeFiles(join(own, 'project'), files),
    folder: join(own, 'run'),
    env: (run) => ({
      PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}`,
      HOME: folder,
      XBUILD_HOME: join(own, 'stores', run.replaceAll(' ', '-')),
    }),
  })
}

/** Runs an image of the registry. */
async function runOn(tag: string, platform: string): Promise<string> {
  const pulled = join(folder, `pulled-${tag.replaceAll(/\W/g, '-')}`)
  await runOk('skopeo', ['copy', '--all', '--src-tls-verify=false', `docker://${tag}`, `oci:${pulled}`])
  return (await runImage(pulled, platform)).stdout
}

test('the workflow builds bake targets in two waves, and what they share once', async () => {
  const jobs = await call(
    'bake',
    {
      files: 'docker-bake.hcl\n',
      targets: 'one\ntwo\n',
      set: `*.contexts.busybox=${layout}\none.args.WHO=a b`,
      allow: 'fs=*',
      waves: true,
      registry: registry.host,
    },
    {
      'docker-bake.hcl': `target "common" {
  dockerfile-inline = "FROM busybox\\nRUN cat /proc/sys/kernel/random/uuid > /once"
}
target "one" {
  contexts = { common = "target:common" }
  dockerfile-inline = "FROM common\\nARG WHO\\nRUN echo $WHO > /name\\nCMD cat /once /name"
  platforms = ["linux/amd64"]
  tags = ["${registry.host}/flow/one:1"]
}
target "two" {
  contexts = { common = "target:common" }
  dockerfile-inline = "FROM common\\nRUN echo two > /name\\nCMD cat /once /name"
  platforms = ["linux/amd64"]
  tags = ["${registry.host}/flow/two:1"]
}
`,
    },
  )
  const { plan, first, leg, merge } = jobs
  expect(
    merge!.result,
    Object.values(jobs)
      .map(({ log }) => log)
      .join('\n'),
  ).toBe('success')
  expect(plan!.outputs['first']).not.toBe('')
  expect(first!.runs.map((run) => run['leg'])).toEqual(['common_linux-amd64'])
  expect(leg!.runs.map((run) => [run['leg'], run['runner']])).toEqual([
    ['one_linux-amd64', 'ubuntu-24.04'],
    ['two_linux-amd64', 'ubuntu-24.04'],
  ])
  const digests = JSON.parse(merge!.outputs['digests']!)
  expect(digests).toEqual({ one: expect.stringMatching(/^sha256:/), two: expect.stringMatching(/^sha256:/) })
  const [one, two] = [
    await runOn(`${registry.host}/flow/one:1`, 'linux/amd64'),
    await runOn(`${registry.host}/flow/two:1`, 'linux/amd64'),
  ]
  expect(one).toMatch(/^[0-9a-f-]{36}\na b\n$/)
  expect(two).toBe(one.replace('a b', 'two'))
})

test('a leg that fails leaves the merge out; an image without a name is not planned', async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY missing /\n' }
  const inputs = { platforms: 'linux/amd64', registry: registry.host }
  const nameless = await call('nameless', inputs, files)
  expect([nameless['plan']!.result, nameless['leg']!.result]).toEqual(['failure', 'skipped'])
  expect(nameless['plan']!.log).toContain('::error title=xbuild::The image has no name')
  const broken = await call('broken', { ...inputs, history: true, tags: `${registry.host}/flow/broken:1` }, files)
  expect(Object.values(broken).map(({ result }) => result)).toEqual(['success', 'skipped', 'failure', 'skipped'])
  expect(broken['leg']!.log).toContain('Cannot copy "missing"')
  const record = join(folder, 'broken/run/artifacts/history-linux-amd64')
  expect(JSON.parse(readFileSync(join(record, 'run.json'), 'utf8'))).toMatchObject({ state: 'failed' })
  expect(readFileSync(join(record, 'log.txt'), 'utf8')).toContain('COPY missing /')
})
