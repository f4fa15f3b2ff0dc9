import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

function projectOf(files: Readonly<Record<string, string>>): string {
  const cwd = tempFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(cwd, name, '..'), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  return cwd
}

test.each([
  [['bake', '--print', '--check'], 'lint'],
  [['bake', '--print', '--call=outline'], 'outline'],
  [['bake', '--print'], undefined],
  [['compose', 'build', '--print', '--check'], 'lint'],
  [['compose', 'build', '--print', '--call', 'targets'], 'targets'],
])('xbuild %s says what is asked of the Dockerfile, as buildx and docker compose do: %s', async (args, call) => {
  const cwd = projectOf({ 'compose.yaml': 'services: {web: {build: .}}\n' })
  const { code, stdout, stderr } = await runHere(args, { cwd })
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout).target.web.call).toBe(call)
})

test('a project folder that is not there is an error that says so', async () => {
  const cwd = projectOf({ 'compose.yaml': 'services: {web: {build: .}}\n' })
  for (const more of [[], ['-f', 'compose.yaml']]) {
    const { code, stderr } = await runHere(['compose', ...more, '--project-directory', 'nope', 'build'], { cwd })
    expect([code, stderr]).toEqual([2, 'error: Cannot use --project-directory "nope": there is no such folder\n'])
  }
})

test('compose files outside of the folder, which its .env names, are read when --allow says so', async () => {
  const cwd = projectOf({ 'in/.env': 'COMPOSE_FILE=../out.yaml\n', 'out.yaml': 'services: {web: {build: .}}\n' })
  const print = (...more: string[]) => runHere(['compose', ...more, 'build', '--print'], { cwd: join(cwd, 'in') })
  const refused = await print()
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('outside of the project')
  const { code, stdout, stderr } = await print('--allow', 'fs.read=../out.yaml')
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout).target.web.context).toBe(cwd)
})
