import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readArgv } from '../../src/cli/command-line.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface WorkflowStep {
  readonly uses?: string
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
}

const text = readFileSync(join(import.meta.dirname, '../../.github/workflows/xbuild.yml'), 'utf8')
const workflow = parse(text) as {
  readonly permissions: object
  readonly jobs: Readonly<Record<string, { readonly permissions?: object; readonly steps: readonly WorkflowStep[] }>>
}
const stepsOf = (job: string) => workflow.jobs[job]!.steps
const scriptOf = (job: string) => stepsOf(job).find(({ run }) => run !== undefined)!.run!

/** Runs a script as the runner does, with stand-ins that write down how they were called. */
function runScript(job: string, env: Readonly<Record<string, string>>): { calls: string[][]; output: string } {
  const folder = tempFolder()
  const calls = join(folder, 'calls')
  writeFileSync(calls, '')
  writeFileSync(join(folder, 'output'), '')
  for (const name of ['xbuild', 'npm', 'docker', 'sudo', 'chown']) {
    const show =
      name === 'xbuild'
        ? 'case "$*" in *merge*) echo sha256:made ;; *--waves*) echo \'{"first":{"include":[]},"legs":{}}\' ;; *) echo made ;; esac'
        : ':'
    const body =
      name === 'sudo'
        ? 'exec "$@"'
        : `node -e 'console.log(JSON.stringify(process.argv.slice(1)))' -- ${name} "$@" >>"${calls}"; ${show}`
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  execFileSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', scriptOf(job)], {
    cwd: folder,
    input: '',
    env: {
      ...env,
      PATH: `${folder}${delimiter}${process.env['PATH']}`,
      GITHUB_OUTPUT: join(folder, 'output'),
      RUNNER_TEMP: '/tmp/runner',
    },
  })
  const lines = readFileSync(calls, 'utf8').trim().split('\n')
  return {
    calls: lines.map((line) => JSON.parse(line) as string[]),
    output: readFileSync(join(folder, 'output'), 'utf8'),
  }
}

const xbuildCalls = (calls: readonly string[][]) =>
  calls.filter(([name]) => name === 'xbuild').map(([, ...args]) => args)

describe('the reusable workflow', () => {
  test('has no rights but those of a job, pins its actions, and keeps expressions out of scripts', () => {
    expect(workflow.permissions).toEqual({})
    expect(Object.fromEntries(Object.entries(workflow.jobs).map(([name, job]) => [name, job.permissions]))).toEqual({
      plan: { contents: 'read' },
      first: { contents: 'read' },
      leg: { contents: 'read' },
      merge: { contents: 'read', packages: 'write' },
    })
    for (const { uses, run } of Object.values(workflow.jobs).flatMap(({ steps }) => steps)) {
      if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/)
      expect(run ?? '').not.toContain('${{')
    }
  })

  test('plans with the runners that are given, each a line', () => {
    const { calls, output } = runScript('plan', {
      VERSION: '0.1',
      TAGS: 'ghcr.io/octo/app:1',
      PLATFORMS: 'linux/amd64,linux/riscv64',
      RUNNERS: 'linux/riscv64=ubuntu-24.04-riscv\n$(touch evil)\n',
    })
    expect(xbuildCalls(calls)).toEqual([
      [
        'ci',
        'plan',
        '--platform',
        'linux/amd64,linux/riscv64',
        '--runner',
        'linux/riscv64=ubuntu-24.04-riscv',
        '--runner',
        '$(touch evil)',
      ],
    ])
    expect(output).toBe('legs=made\n')
  })

  test('builds a leg with flags that exist; no text of an input is code', () => {
    const { calls } = runScript('leg', {
      VERSION: '0.1',
      PLATFORMS: 'linux/arm64',
      LEG: 'linux-arm64',
      CONTEXT: './my app',
      DOCKERFILE: 'a"; touch evil; "',
      BUILD_ARGS: 'A=1 2\nB=`id`',
    })
    const build = xbuildCalls(calls).find(([command]) => command === 'ci')!
    expect(build.slice(0, 6)).toEqual([
      'ci',
      'build',
      '--leg',
      'linux/arm64',
      '--leg-folder',
      '/tmp/runner/legs/linux-arm64',
    ])
    const { command, words, given } = readArgv(build)
    expect([command, words]).toEqual(['ci', ['build', './my app']])
    expect(given.get('file')).toEqual(['a"; touch evil; "'])
    expect(given.get('build-arg')).toEqual(['A=1 2', 'B=`id`'])
  })

  test('hands files, targets and settings on as flags that exist, each a line', () => {
    const env = {
      VERSION: '0.1',
      FILES: 'a b.hcl\ncompose.yaml\n',
      TARGETS: 'app',
      SET: 'app.args.A=1, 2\n*.tags=$(touch evil)',
      ALLOW: 'fs=*',
    }
    const [plan] = xbuildCalls(runScript('plan', { ...env, TAGS: 'ghcr.io/octo/app:1' }).calls)
    const leg = {
      ...env,
      PLATFORMS: 'linux/arm64',
      LEG: 'app_linux-arm64',
      IMAGE: 'app',
      CONTEXT: '.',
      BUILD_ARGS: 'A=1',
    }
    const build = xbuildCalls(runScript('leg', leg).calls).find(([command]) => command === 'ci')!
    const first = xbuildCalls(runScript('first', leg).calls).find(([command]) => command === 'ci')!
    const merge = xbuildCalls(
      runScript('merge', { ...env, REGISTRY: 'ghcr.io', REGISTRY_USER: 'a', REGISTRY_PASSWORD: 'b' }).calls,
    )
    for (const argv of [plan!, build, first, merge[0]!]) {
      const { given } = readArgv(argv)
      expect(given.get('bake-file')).toEqual(['a b.hcl', 'compose.yaml'])
      expect(given.get('set')).toEqual(['app.args.A=1, 2', '*.tags=$(touch evil)'])
      expect(given.get('grant')).toEqual(['fs=*'])
      expect(given.get('image')).toEqual(['app'])
      expect(given.has('build-arg')).toBe(false)
    }
    expect(readArgv(first).given.get('cache-to')).toEqual([
      'type=local,dest=/tmp/runner/waves/app_linux-arm64,mode=max',
    ])
  })

  test('hands stages that are the same for all platforms to the legs of the first wave and to the others', () => {
    const leg = {
      VERSION: '0.1',
      PLATFORMS: 'linux/arm64',
      LEG: 'x',
      NEUTRAL: 'linux/amd64=a,b',
      CONTEXT: './app',
      BUILD_ARGS: 'A=1',
    }
    const { calls } = runScript('plan', { ...leg, WAVES: 'true', TAGS: 'ghcr.io/octo/app:1' })
    expect(readArgv(xbuildCalls(calls)[0]!)).toMatchObject({ words: ['plan', './app'] })
    for (const job of ['first', 'leg']) {
      const build = xbuildCalls(runScript(job, leg).calls).find(([command]) => command === 'ci')!
      const { given, words } = readArgv(build)
      expect([given.get('neutral'), given.get('build-arg'), words]).toEqual([
        ['linux/amd64=a,b'],
        ['A=1'],
        ['build', './app'],
      ])
    }
  })

  test('merges under every tag, and gives the digest', () => {
    const { calls, output } = runScript('merge', {
      VERSION: '0.1',
      PLATFORMS: 'linux/amd64,linux/arm64',
      TAGS: 'ghcr.io/octo/app:1\nghcr.io/octo/app:2\n',
      REGISTRY: 'ghcr.io',
      REGISTRY_USER: 'octo',
      REGISTRY_PASSWORD: 'hunter2',
    })
    const [merge] = xbuildCalls(calls)
    expect(readArgv(merge!)).toMatchObject({ command: 'ci', words: ['merge', '/tmp/runner/legs'] })
    expect(readArgv(merge!).given.get('tag')).toEqual(['ghcr.io/octo/app:1', 'ghcr.io/octo/app:2'])
    expect(JSON.stringify(calls)).not.toContain('hunter2')
    expect(output).toBe('digest=sha256:made\n')
  })
})
