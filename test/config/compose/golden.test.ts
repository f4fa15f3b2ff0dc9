import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseArgv } from '../../../src/cli/command-line.ts'
import { openProject, withCommandLine } from '../../../src/cli/compose.ts'
import type { ComposeCommand } from '../../../src/config/compose/flags.ts'
import { withNeeded } from '../../../src/config/images/target.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { asPrinted, cases, filesOf, normalized, wordsOf, type ComposeCase, type Golden } from './support.ts'

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden.json'), 'utf8')) as Record<string, Golden>

test('there is a result of compose for every project', () => {
  expect(Object.keys(golden)).toEqual(cases.map(({ name }) => name))
  expect(cases.length).toBeGreaterThanOrEqual(60)
})

test.each(cases)('$name: as docker compose', async (one) => {
  const expected = golden[one.name]!
  if ('broken' in expected) {
    await expect(readProject(one)).rejects.toThrow(/^Cannot/)
    return
  }
  const { chosen, targets } = await readProject(one)
  expect(chosen.toSorted()).toEqual(expected.group)
  const theirs = expected.target as Record<string, object>
  // The version of compose decides which others it lists
  for (const [name, target] of Object.entries(targets)) expect(target).toEqual(normalized({ ...theirs[name] }))
})

// Where docker compose is, what is checked in must be what it says; another version says some things otherwise
const program = process.env['XBUILD_TEST_COMPOSE'] ?? '/usr/libexec/docker/cli-plugins/docker-compose'
if (existsSync(program)) {
  test.each(cases)('$name: docker compose still says so', async (one) => {
    const { askCompose } = (await import('./golden.mjs' as string)) as typeof import('./golden.mjs')
    const { message: _, ...known } = golden[one.name] as Golden & { message?: string }
    const { message: __, ...said } = askCompose(one, [program]) as Golden & { message?: string }
    expect(said).toEqual(known)
  })
}

async function readProject(one: ComposeCase) {
  const work = mkdtempSync(join(tmpdir(), 'xbuild-compose-'))
  const cwd = join(work, 'project')
  try {
    for (const [name, text] of filesOf(one)) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true })
      writeFileSync(join(cwd, name), text)
    }
    const env = { HOME: '/home/user', ...one.env }
    const parsed = parseArgv(wordsOf(one), env, { cwd, localPlatform: parsePlatform('linux/amd64') })
    const command = parsed['options'] as ComposeCommand
    const { project, env: all } = await openProject(command, { env, stdin: process.stdin })
    const printed = withNeeded(project.targets, project.chosen).map((target) => [
      target.name,
      asPrinted(withCommandLine(target, command, all)),
    ])
    const text = JSON.stringify({ chosen: project.chosen, targets: Object.fromEntries(printed) })
    return JSON.parse(text.replaceAll(cwd, '/srv/project').replaceAll(work, '/srv')) as {
      chosen: string[]
      targets: Record<string, unknown>
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
