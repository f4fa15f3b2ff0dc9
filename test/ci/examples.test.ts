import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readArgv } from '../../src/cli/command-line.ts'

const folder = join(import.meta.dirname, '../../examples/ci')

test.each(['github.yml', 'gitlab-ci.yml', 'forgejo.yml', 'buildkite.yml', 'Jenkinsfile'])(
  '%s can be read, and its commands have flags that exist',
  (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    if (name.endsWith('.yml')) expect(() => parse(text)).not.toThrow()
    const lines = [...text.matchAll(/xbuild (ci (?:build|merge) [^'\n]*)/g)].map(([, line]) =>
      line!.trim().split(/\s+/),
    )
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(readArgv(line)).toMatchObject({ command: 'ci' })
  },
)

test('the example for GitHub pins its actions, has no rights but those of a job, and no expression in a script', () => {
  const { permissions, jobs } = parse(readFileSync(join(folder, 'github.yml'), 'utf8')) as {
    permissions: object
    jobs: Record<string, { steps: { uses?: string; run?: string }[] }>
  }
  expect(permissions).toEqual({})
  for (const { uses, run } of Object.values(jobs).flatMap(({ steps }) => steps)) {
    if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/)
    expect(run ?? '').not.toContain('${{')
  }
})
