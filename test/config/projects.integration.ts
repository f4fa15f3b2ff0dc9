import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { parseArgv } from '../../src/cli/command-line.ts'
import { openProject, withCommandLine } from '../../src/cli/compose.ts'
import type { ComposeCommand } from '../../src/config/compose/flags.ts'
import { withNeeded } from '../../src/config/images/target.ts'
import { XbuildError } from '../../src/errors.ts'
import { parsePlatform } from '../../src/platform.ts'
import { runHere } from '../support/run-in-process.ts'
import { asPrinted, normalized } from './compose/support.ts'
import { inFolder, readProjects, type ProjectLine } from './projects.mjs'

interface Printed {
  readonly group: Readonly<Record<string, { readonly targets: readonly string[] }>>
  readonly target: Readonly<Record<string, object>>
}

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'projects.golden.json'), 'utf8')) as Readonly<
  Record<string, Printed | { readonly refused: true }>
>
const projects = readProjects()

test('every command line has its golden result', () => {
  expect(projects.flatMap(({ name, lines }) => lines.map(({ line }) => `${name} | ${line}`))).toEqual(
    Object.keys(golden),
  )
})

describe.each(projects)('$name', ({ name, files, lines }) => {
  test.each(lines)('$line', async (line) => {
    const expected = golden[`${name} | ${line.line}`]!
    const ours = await inFolder(files, (project) => {
      const place = { cwd: join(project, line.folder), input: files[line.input ?? ''] ?? '' }
      return line.program === 'bake' ? bake(line, place) : compose(line, place)
    })
    if ('refused' in expected) expect(ours).toHaveProperty('refused')
    else if (line.program === 'bake') expect(ours).toEqual(expected)
    else expect(ours).toEqual(ofCompose(expected, Object.keys((ours as Printed).target ?? {})))
  })
})

interface Place {
  readonly cwd: string
  readonly input: string
}

async function bake({ env, words }: ProjectLine, { cwd, input }: Place): Promise<unknown> {
  const options = { cwd, env: { HOME: '/home/user', ...env }, input }
  const { code, stdout, stderr } = await runHere(['bake', '--allow=fs=*', '--print', ...words], options)
  return code === 0 ? JSON.parse(stdout) : { refused: stderr }
}

async function compose({ env, words }: ProjectLine, { cwd, input }: Place): Promise<unknown> {
  const all = { HOME: '/home/user', ...env }
  try {
    const argv = ['compose', '--allow=fs=*', ...words]
    const command = parseArgv(argv, all, { cwd, localPlatform: parsePlatform('linux/amd64') })[
      'options'
    ] as ComposeCommand
    const stdin = Readable.from([Buffer.from(input)]) as unknown as typeof process.stdin
    const { project, env: whole } = await openProject(command, { env: all, stdin })
    const { targets, chosen } = project
    const printed = withNeeded(targets, chosen).map((each) => [
      each.name,
      asPrinted(withCommandLine(each, command, whole)),
    ])
    return { chosen: chosen.toSorted(), target: Object.fromEntries(printed) }
  } catch (error) {
    if (error instanceof XbuildError) return { refused: error.message }
    throw error
  }
}

/** What docker compose prints of targets, in one order. It lists others too, which it does not build. */
function ofCompose({ group, target }: Printed, names: readonly string[]): unknown {
  const listed = Object.entries(target).filter(([name]) => names.includes(name))
  const targets = listed.map(([name, each]) => [name, normalized({ ...each })])
  return { chosen: (group['default']?.targets ?? []).toSorted(), target: Object.fromEntries(targets) }
}
