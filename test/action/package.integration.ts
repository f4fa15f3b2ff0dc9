import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '../..')

test('the package of npm is less than 5 MB, without sources, tests and the action', () => {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' })
  const [{ size, files }] = JSON.parse(text) as [{ size: number; files: { path: string }[] }]
  expect(size).toBeLessThan(5_000_000)
  const folders = new Set(files.map(({ path }) => path.split('/')[0]))
  for (const name of ['src', 'test', 'examples', 'docs', '.github', 'node_modules'])
    expect([...folders]).not.toContain(name)
  expect(files.filter(({ path }) => path.startsWith('dist/action/'))).toEqual([])
})

test('the release pins its actions, has no rights by default, and no expression in a script', () => {
  const text = readFileSync(join(root, '.github/workflows/release.yml'), 'utf8')
  const { permissions, jobs } = parse(text) as {
    permissions: object
    jobs: Record<string, { steps: { uses?: string; run?: string }[] }>
  }
  expect(permissions).toEqual({})
  const steps = Object.values(jobs).flatMap((job) => job.steps)
  expect(steps.length).toBeGreaterThan(5)
  for (const { uses, run } of steps) {
    if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/)
    expect(run ?? '').not.toContain('${{')
  }
})
