import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { tempFolder } from '../support/temp-folder.ts'

interface WorkflowStep {
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
}

const text = readFileSync(join(import.meta.dirname, '../../.github/workflows/release.yml'), 'utf8')
const { jobs } = parse(text) as { readonly jobs: Readonly<Record<string, { readonly steps: readonly WorkflowStep[] }>> }
const scripts = jobs['publish']!.steps.flatMap(({ run }) => (run === undefined ? [] : [run]))

/** A checkout of a tag, the repository that it is pushed to, and an npm that writes down how it was called. */
function release(version: string) {
  const folder = tempFolder()
  const [work, remote, bin] = ['work', 'remote', 'bin'].map((name) => join(folder, name)) as [string, string, string]
  for (const one of [work, remote, bin]) mkdirSync(one)
  const calls = join(folder, 'calls')
  writeFileSync(calls, '')
  writeFileSync(
    join(bin, 'npm'),
    `#!/bin/sh
case "$1" in view) ;; *) echo "$@" >>"${calls}" ;; esac
case "$1 $2" in
  'run build') mkdir -p dist/action && echo built >dist/action/main.cjs ;;
  'pack --dry-run') echo '[{"size":'\${SIZE:-100}'}]' ;;
  'publish --provenance') [ ! -e "${folder}/published" ] || exit 1; git rev-parse HEAD >"${folder}/published" ;;
  'view xbuild@1.2.3') [ -e "${folder}/published" ] || exit 1; [ "$3" = version ] && echo 1.2.3 || cat "${folder}/published" ;;
esac
`,
  )
  chmodSync(join(bin, 'npm'), 0o755)
  const env = {
    PATH: `${bin}${delimiter}${process.env['PATH']}`,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    TAG: `v${version}`,
  }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: work, env, encoding: 'utf8' }).trim()
  git('init', '--quiet', '--bare', remote)
  git('init', '--quiet')
  git('remote', 'add', 'origin', remote)
  writeFileSync(join(work, 'package.json'), JSON.stringify({ name: 'xbuild', version: '1.2.3' }))
  writeFileSync(join(work, '.gitignore'), 'dist\n')
  git('add', '.')
  git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--message', 'Release')
  git('tag', `v${version}`)
  return {
    git,
    remote: (...args: string[]) => git('--git-dir', remote, ...args),
    calls: () => readFileSync(calls, 'utf8').trim().split('\n'),
    /** Runs the scripts as the runner does, each in a shell of its own; the last ones may be left out. */
    run: ({ last = scripts.length, vars = {} }: { last?: number; vars?: Readonly<Record<string, string>> } = {}) => {
      for (const script of scripts.slice(0, last))
        execFileSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
          cwd: work,
          env: { ...env, ...vars },
          stdio: 'pipe',
        })
    },
  }
}

test('the scripts of a release build, publish, and move the tag of the action to a commit with the program', () => {
  const { run, calls, git, remote } = release('1.2.3')
  run()
  expect(calls()).toEqual([
    'ci --no-audit --no-fund',
    'run build',
    'install --global npm@11',
    'pack --dry-run --json --ignore-scripts',
    'publish --provenance --access public',
  ])
  expect(remote('show', 'v1:dist/action/main.cjs')).toBe('built')
  expect(remote('log', '--format=%s', 'v1').split('\n')).toEqual(['Build of v1.2.3', 'Release'])
  // The tag of the release itself has no built program, and stays where it is
  expect(git('ls-tree', '--name-only', 'v1.2.3')).not.toContain('dist')
})

test('a tag that is not the version of the package publishes nothing', () => {
  const { run, calls, remote } = release('1.2.4')
  expect(run).toThrow()
  expect(calls()).toEqual(['ci --no-audit --no-fund', 'run build'])
  expect(remote('tag')).toBe('')
})

test('a second run after one that ended before the tag moved publishes nothing again, and moves it', () => {
  const { run, calls, git, remote } = release('1.2.3')
  run({ last: -1 })
  expect(remote('tag')).toBe('')
  run()
  git('reset', '--quiet', '--hard', 'v1.2.3') // the checkout of the next run
  run()
  expect(calls().filter((call) => call.startsWith('publish'))).toHaveLength(1)
  expect(remote('show', 'v1:dist/action/main.cjs')).toBe('built')
  expect(remote('log', '--format=%s', 'v1').split('\n')).toEqual(['Build of v1.2.3', 'Release'])
})

test('a version that was published from another commit, and a package that is too large, end the release', () => {
  const other = release('1.2.3')
  other.run({ last: -1 })
  other.git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '--message', 'Moved')
  expect(() => other.run()).toThrow('was published from commit')
  const large = release('1.2.3')
  expect(() => large.run({ vars: { SIZE: '5000000' } })).toThrow()
  expect(large.calls().at(-1)).toBe('pack --dry-run --json --ignore-scripts')
  expect([other.remote('tag'), large.remote('tag')]).toEqual(['', ''])
})

test('the release of an old version that runs again leaves the tag of the action where it is', () => {
  const { run, git, remote } = release('1.2.3')
  for (const newer of ['v1.2.10', 'v1.2.4']) git('push', '--quiet', 'origin', `HEAD:refs/tags/${newer}`)
  git('push', '--quiet', 'origin', 'HEAD:refs/tags/v1')
  run()
  expect(remote('rev-parse', 'v1')).toBe(git('rev-parse', 'v1.2.3'))
})
