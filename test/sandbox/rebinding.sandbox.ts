import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { program, tempFolder } from '../e2e/support/places.ts'
import { runOk } from '../e2e/support/xbuild.ts'
import { makeRepository } from '../support/git-server.ts'

/** A name that leads elsewhere each time it is asked for. */
const folder = tempFolder()
const GOOD = '203.0.113.5'
const METADATA = '169.254.169.254'
const nameservers = join(folder, 'resolv.conf')
const helper = join(import.meta.dirname, 'support/rebinding.mjs')

beforeAll(() => {
  writeFileSync(nameservers, 'nameserver 127.0.0.1\n')
  const inner = makeRepository(join(folder, 'repositories/a.git')).commit({ file: 'text' })
  for (const [name, url] of [
    ['named.git', 'http://rebind.example/a.git'],
    ['here.git', 'http://127.0.0.1/a.git'],
    ['beside.git', '../a.git'],
  ] as const) {
    const outer = makeRepository(join(folder, 'repositories', name))
    outer.commit({ '.gitmodules': `[submodule "inner"]\n path = inner\n url = ${url}\n` })
    outer.git('update-index', '--add', '--cacheinfo', `160000,${inner},inner`)
    outer.git('commit', '--quiet', '-m', 'a submodule')
  }
})

interface Seen {
  readonly code: number
  readonly stderr: string
  readonly questions: number
  readonly refused: readonly string[]
}

/** Builds where the name `rebind.example` has these addresses, one after the other. */
async function build(answers: readonly string[], added: string, ...args: readonly string[]): Promise<Seen> {
  const context = writeFiles(mkdtempSync(join(folder, 'context-')), { Dockerfile: `FROM scratch\nADD ${added} /x\n` })
  const script = `mount --bind '${nameservers}' /etc/resolv.conf && exec "$@"`
  const xbuild = [process.execPath, program, '--progress', 'plain', '--store', join(folder, 'store'), ...args, context]
  const inside = [process.execPath, helper, GOOD, answers.join(','), ...xbuild]
  const out = await runOk('unshare', ['--net', '--mount', 'sh', '-c', script, 'sh', ...inside], {
    cwd: folder,
    env: { REPOSITORIES: join(folder, 'repositories') },
  })
  return JSON.parse(out) as Seen
}

test('a name that always leads to the same server is asked more than once', async () => {
  for (const added of ['http://rebind.example/a.git', 'http://rebind.example/file']) {
    const seen = await build([GOOD], added)
    expect([seen.code, seen.refused], seen.stderr).toEqual([0, []])
    expect(seen.questions).toBeGreaterThan(added.endsWith('git') ? 2 : 0)
  }
})

test.each([
  ['http://rebind.example/a.git', [GOOD, METADATA]],
  ['http://rebind.example/a.git', [GOOD, GOOD, METADATA]],
  ['http://rebind.example/a.git', [METADATA, GOOD]],
  ['http://rebind.example/file1', [METADATA]],
])('ADD %s reaches no metadata service when the name leads to %j', async (added, answers) => {
  const seen = await build(answers, added, '--no-cache')
  expect([seen.code, seen.refused], seen.stderr).toEqual([1, []])
  expect(seen.stderr).toMatch(/169\.254\.169\.254, a link-local or metadata address/)
})

test.each([
  ['http://rebind.example/a.git', [GOOD, '127.0.0.1']],
  ['http://rebind.example/file2', ['127.0.0.1']],
])('ADD %s reaches no service of this machine when the name leads to %j', async (added, answers) => {
  const seen = await build(answers, added, '--no-cache', '--network', 'private')
  expect([seen.code, seen.refused], seen.stderr).toEqual([1, []])
  expect(seen.stderr).toMatch(/127\.0\.0\.1, an address of this machine itself/)
})

test.each([
  [`http://${GOOD}/here.git`, 'http://127.0.0.1/a.git'],
  [`http://${GOOD}/named.git`, 'a name that leads there'],
])('the submodule of ADD %s does not come from this machine: %s', async (added) => {
  const seen = await build(['127.0.0.1'], added, '--no-cache')
  expect([seen.code, seen.refused], seen.stderr).toEqual([1, []])
  expect(seen.stderr).toMatch(/an address of this machine itself/)
})

test('the submodule of a repository comes from the same host, wherever its name leads', async () => {
  const seen = await build([GOOD], 'http://rebind.example/beside.git', '--no-cache')
  expect([seen.code, seen.refused], seen.stderr).toEqual([0, []])
  const here = await build(['127.0.0.1'], 'http://rebind.example/beside.git', '--no-cache')
  // It is asked, and has no repository
  expect(here.refused, here.stderr).toContainEqual(expect.stringContaining('127.0.0.1 /beside.git'))
})

test('what is allowed to reach the network of the machine gets there: nothing else keeps it away', async () => {
  const seen = await build([METADATA], 'http://rebind.example/a.git', '--no-cache', '--allow', 'network.host')
  expect(seen.refused, seen.stderr).toContainEqual(expect.stringContaining(`${METADATA} /a.git/info/refs`))
})
