import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readBakeFiles } from '../../../src/cli/bake-files.ts'
import { readBake } from '../../../src/config/bake/bake.ts'
import type { BakeCommand } from '../../../src/config/bake/flags.ts'
import { printBake } from '../../../src/config/bake/print.ts'
import { resolveTargets } from '../../../src/config/bake/resolve.ts'
import { XbuildError } from '../../../src/errors.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { readCases, type BakeCase } from './cases.ts'
import { readWords } from './run-case.ts'

const golden: Readonly<Record<string, { readonly print?: unknown; readonly error?: true }>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'compose-cases.golden.json'), 'utf8'),
)
const cases = readCases('compose-cases.txt')

test('every project has its golden result', () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(golden))
  expect(cases.length).toBeGreaterThan(60)
})

test.each(cases.map((each) => [each.name, each] as const))('%s', async (name, each) => {
  const { print } = golden[name]!
  if (print) expect(await printProject(each)).toEqual(print)
  else await expect(printProject(each)).rejects.toBeInstanceOf(XbuildError)
})

/** What `--print` shows of compose files, with bake files beside them, in a folder. */
async function printProject({ args, env, files }: BakeCase): Promise<unknown> {
  const cwd = mkdtempSync(join(tmpdir(), 'bake-compose-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true })
      writeFileSync(join(cwd, name), text)
    }
    const { names, files: chosen, set } = readWords(args)
    const command = {
      files: chosen,
      shared: { cwd },
      values: { vars: {}, allow: { read: [], write: [], rights: [] } },
    } as unknown as BakeCommand
    const found = await readBakeFiles(command, { env, stderr: { write: () => true } } as unknown as Terminal)
    const config = readBake({ ...found, env, localPlatform: 'linux/amd64', now: new Date(0), home: '/home/user' })
    return JSON.parse(printBake(resolveTargets(config, { names, set, env })))
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}
