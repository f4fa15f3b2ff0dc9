import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runStep, type RanStep } from '../support/actions-runner.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { makeRepository, smartGit } from '../support/git-server.ts'
import { runImage, writeFiles } from './support/context.ts'
import { baseLayout } from './support/examples.ts'
import { root, tempFolder } from './support/places.ts'

const folder = tempFolder()
const main = join(root, 'dist/action/main.cjs')
const post = join(root, 'dist/action/post.cjs')
const PLATFORMS = 'linux/amd64,linux/arm64'

describe('a step that builds', () => {
  const workspace = join(folder, 'work')
  const runner = join(folder, 'runner')
  let step: RanStep

  beforeAll(async () => {
    writeFiles(workspace, {
      'app/Dockerfile': [
        'FROM busybox as base',
        'RUN --mount=type=secret,id=KEY cat /run/secrets/KEY; printf "::error::evil\\n::add-mask::busybox\\n"; uname -m > /machine',
        'FROM base',
        'CMD ["cat", "/machine"]',
        '',
      ].join('\n'),
    })
    step = await runStep(runner, {
      entry: main,
      workspace,
      event: { repository: { private: true } },
      inputs: {
        context: './app',
        platforms: PLATFORMS,
        tags: 'octo/app:1,octo/app:2',
        'build-contexts': `busybox=oci-layout://${await baseLayout('busybox')}`,
        outputs: 'type=oci,dest=out',
        secrets: '"KEY=first line\nsecond ""line"""',
        sbom: 'true',
        'cgroup-parent': '/builds',
        'github-token': 'ghs_token',
      },
    })
  })

  test('ends well, and its image runs on both platforms', async () => {
    expect(step.code, step.log).toBe(0)
    expect((await runImage(join(workspace, 'out'), 'linux/arm64')).stdout).toBe('aarch64\n')
    expect((await runImage(join(workspace, 'out'), 'linux/amd64')).stdout).toBe('x86_64\n')
  })

  test('gives outputs: digest, image id, metadata, digests by platform, plan', () => {
    const { digest, imageid, metadata, digests, plan } = step.outputs
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(imageid).toBe(digest)
    expect(JSON.parse(metadata!)).toMatchObject({ 'containerimage.digest': digest })
    const byPlatform = JSON.parse(digests!) as Record<string, string>
    expect(Object.keys(byPlatform).sort()).toEqual(PLATFORMS.split(','))
    for (const one of Object.values(byPlatform))
      expect(existsSync(join(workspace, 'out/blobs/sha256', one.slice('sha256:'.length)))).toBe(true)
    expect(JSON.parse(plan!).jobs.length).toBeGreaterThanOrEqual(2)
  })

  test('attests as a private repository wants it, and warns of what has no effect', () => {
    expect(JSON.parse(step.outputs['metadata']!)).toHaveProperty(
      ['buildx.build.provenance/linux/amd64', 'builder', 'id'],
      'https://github.com/octo/app/actions/runs/42',
    )
    const warnings = step.commands.filter(({ name }) => name === 'warning')
    expect(warnings.map(({ data }) => data)).toContain(
      'Input "cgroup-parent" has no effect: xbuild does not place steps under a control group of yours yet',
    )
  })

  test('what steps print is no command, and secrets are stars', () => {
    expect(step.commands.filter(({ data }) => data === 'evil' || data === 'busybox')).toEqual([])
    expect(step.log).toContain('::error::evil')
    expect(step.log).not.toMatch(/first line|second "line"|ghs_token/)
    expect(step.commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data)).toEqual(
      expect.arrayContaining(['first line\nsecond "line"', 'first line', 'second "line"', 'ghs_token']),
    )
  })

  test('annotates the line of a check, and folds the steps of each platform', () => {
    const check = step.commands.find(({ properties }) => properties['title'] === 'FromAsCasing')
    expect(check).toMatchObject({ name: 'warning', properties: { file: 'app/Dockerfile', line: '1' } })
    const groups = step.commands.flatMap(({ name, data }) => (name === 'group' ? [data] : []))
    expect(groups).toEqual(expect.arrayContaining(PLATFORMS.split(',')))
  })

  test('writes a summary without the secret', () => {
    expect(step.summary).toContain('## xbuild: ` octo/app:1 `')
    expect(step.summary).toContain('| ` linux/arm64 ` | ` emulate ` | ✅ built |')
    expect(step.summary).toContain('```mermaid\ngraph LR\n')
    expect(step.summary).toContain(step.outputs['digest'])
    expect(step.summary).not.toMatch(/first line|ghs_token/)
  })

  test('leaves no secret behind, and the post step removes the rest', async () => {
    const temp = join(runner, 'temp')
    expect(readdirSync(temp)).toEqual(['xbuild-store'])
    expect(statSync(step.state['store']!).isDirectory()).toBe(true)
    const ended = await runStep(runner, { entry: post, workspace, state: step.state })
    expect(ended.code, ended.log).toBe(0)
    expect(readdirSync(temp)).toEqual([])
  })
})

describe('a step that fails', () => {
  test('annotates the line and tells the summary; outputs stay away', async () => {
    const workspace = writeFiles(join(folder, 'failing'), {
      Dockerfile: 'FROM scratch\nCOPY <<EOF /a\nx\nEOF\nCOPY gone<script> /b\n',
    })
    const { code, commands, summary, outputs } = await runStep(join(folder, 'failing-runner'), {
      entry: main,
      workspace,
      inputs: { context: '.', platforms: PLATFORMS, history: 'out/history' },
    })
    expect(code).toBe(1)
    const record = JSON.parse(readFileSync(join(workspace, 'out/history/run.json'), 'utf8'))
    expect(record).toMatchObject({ state: 'failed', images: [{ platforms: [{ status: 'failed' }, {}] }] })
    expect(readFileSync(join(workspace, 'out/history/log.txt'), 'utf8')).toContain('gone<script>')
    const errors = commands.filter(({ name }) => name === 'error')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      properties: { file: 'Dockerfile', line: '5', title: `xbuild: ${PLATFORMS.replace(',', ', ')}` },
    })
    expect(summary).toContain('**Failed**')
    expect(summary.replaceAll(/```[^]*?```|`[^`\n]*`/g, '')).not.toContain('<script>')
    expect(outputs).not.toHaveProperty('digest')
  })

  test('a wrong input is named', async () => {
    const workspace = writeFiles(join(folder, 'wrong'), {})
    const { code, commands } = await runStep(join(folder, 'wrong-runner'), {
      entry: main,
      workspace,
      inputs: { push: 'yes' },
    })
    expect(code).toBe(1)
    expect(commands.map(({ data }) => data)).toContain('Cannot read input "push": "yes" is neither true nor false')
  })

  test('a call annotates what it finds', async () => {
    const workspace = writeFiles(join(folder, 'checked'), { Dockerfile: 'FROM scratch as x\nCOPY . /\n' })
    const { code, commands, log } = await runStep(join(folder, 'checked-runner'), {
      entry: main,
      workspace,
      inputs: { context: '.', call: 'check' },
    })
    expect(code).toBe(1)
    expect(commands.find(({ name }) => name === 'warning')).toMatchObject({
      properties: { title: 'FromAsCasing', file: 'Dockerfile', line: '1' },
    })
    expect(log).toContain('Checked Dockerfile: 1 warning')
  })
})

describe('repositories and bake files', () => {
  let server: FileServer
  let sha: string
  const asked: (string | undefined)[] = []

  beforeAll(async () => {
    server = await startFileServer()
    const repository = makeRepository(join(folder, 'repositories/octo/app.git'))
    sha = repository.commit({
      Dockerfile: 'FROM scratch AS web\nCOPY Dockerfile /\nFROM scratch AS api\nCOPY Dockerfile /api\n',
      'docker-bake.hcl':
        'target "web" { target = "web" }\ntarget "api" {\n  target = "api"\n  platforms = ["linux/amd64", "linux/arm64"]\n}\n',
    })
    const git = smartGit(join(folder, 'repositories'), '')
    server.files.set('/octo/', (request, response) => {
      asked.push(request.headers.authorization)
      if (request.headers.authorization === `Basic ${btoa('x-access-token:ghs_token')}`) git(request, response)
      else response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    })
  })
  afterAll(() => server.close())

  test('without a context and a checkout the private repository is built, with the token', async () => {
    const step = await runStep(join(folder, 'git-runner'), {
      entry: main,
      workspace: writeFiles(join(folder, 'empty'), {}),
      env: { GITHUB_SERVER_URL: server.url, GITHUB_SHA: sha },
      inputs: { target: 'web', 'github-token': 'ghs_token' },
    })
    expect(step.code, step.log).toBe(0)
    expect(step.outputs['digest']).toMatch(/^sha256:/)
  })

  test('targets of bake files are built, with digests by target and platform', async () => {
    const step = await runStep(join(folder, 'bake-runner'), {
      entry: main,
      workspace: writeFiles(join(folder, 'empty'), {}),
      env: { GITHUB_SERVER_URL: server.url, GITHUB_SHA: sha },
      inputs: { targets: 'web,api', set: 'web.platform=linux/arm64', 'github-token': 'ghs_token' },
    })
    expect(step.code, step.log).toBe(0)
    const digests = JSON.parse(step.outputs['digests']!) as Record<string, Record<string, string>>
    expect(Object.keys(digests['api']!).sort()).toEqual(PLATFORMS.split(','))
    expect(Object.keys(digests['web']!)).toEqual(['linux/arm64'])
    const metadata = JSON.parse(step.outputs['metadata']!) as Record<string, object>
    expect(metadata['web']).toHaveProperty(['buildx.build.provenance'])
    expect(step.log).not.toContain('ghs_token')
  })
})
