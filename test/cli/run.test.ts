import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readArgv } from '../../src/cli/command-line.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { RESERVED } from '../../src/cli/reserved.ts'
import { run } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { version } from '../../src/version.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'xbuild-cli-'))))
afterEach(() => rm(folder, { recursive: true }))

async function xbuild(...argv: string[]) {
  const printed = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') => {
    const write = (text: string, done?: () => void) => {
      printed[name] += text
      done?.()
    }
    return { isTTY: false, on() {}, write }
  }
  const streams = { stdout: stream('stdout'), stderr: stream('stderr') }
  const terminal = { ...streams, env: {}, cwd: () => folder, on() {}, off() {}, exit() {} }
  return { code: await run(argv, terminal as unknown as Terminal), ...printed }
}

test('version and help go to stdout', async () => {
  expect(await xbuild('version')).toEqual({ code: 0, stdout: `xbuild ${version()}\n`, stderr: '' })
  expect(version()).toMatch(/^\d+\.\d+\.\d+/)
  expect((await xbuild('help', 'plan')).stdout).toMatch(/^Usage: xbuild plan/)
  expect(await xbuild()).toMatchObject({ code: 0, stderr: '' })
})

test('wrong usage: one error on stderr, exit code 2', async () => {
  expect(await xbuild('--platfrom', 'x', '.')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error: Cannot use "--platfrom": unknown flag\n  hint: Did you mean --platform?\n',
  })
  expect(await xbuild('--platform', 'linux/nope', '.')).toMatchObject({ code: 2 })
})

test('a config file is checked before anything is built', async () => {
  const file = join(folder, 'xbuild.yaml')
  await writeFile(file, 'jobs: 2\nregistreis: {}\n')
  const expected = `error: Cannot use key "registreis": unknown
  at ${file}:2:1
    1 | jobs: 2
  > 2 | registreis: {}
  hint: Did you mean "registries"?
`
  expect(await xbuild('--config', file, '.')).toEqual({ code: 2, stdout: '', stderr: expected })
  expect(await xbuild('.')).toMatchObject({ code: 2 })
})

test('a config file that was named must be there', async () => {
  const { code, stderr } = await xbuild('--config', join(folder, 'none.yaml'), '.')
  expect(code).toBe(2)
  expect(stderr).toMatch(/Cannot read config file ".*none\.yaml": no such file/)
})

test('progress for a terminal needs one', async () => {
  expect(await xbuild('--progress', 'tty', '.')).toMatchObject({ code: 2, stdout: '' })
})

describe('commands of other tools', () => {
  test.each([
    [['imagetools', 'create', '-t', 'a', 'b'], 'imagetools', /xbuild image create/],
    [['ls'], 'ls', /xbuild node ls/],
    [['create', '--name', 'x'], 'create', /xbuild node add NAME ENDPOINT/],
    [['inspect', '--bootstrap'], 'inspect', /xbuild node inspect NAME/],
    [['rm', 'x'], 'rm', /xbuild node rm NAME/],
    [['use', 'x'], 'use', /xbuild node use NAME/],
    [['manifest', 'create', 'x', 'y'], 'manifest', /--platform A,B --push/],
    [['push', 'x'], 'push', /--tag NAME --push/],
    [['pull', 'x'], 'pull', /--pull/],
    [['help', 'imagetools'], 'imagetools', /xbuild image create/],
  ])('xbuild %j says what does it here', async (argv, word, hint) => {
    const { code, stdout, stderr } = await xbuild(...argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`error: Cannot run "xbuild ${word}": xbuild has no such command\n  hint: `)
    expect(stderr).toMatch(hint)
    expect(stderr).toContain(`write ./${word}\n`)
  })

  test.each([['./push'], ['build', 'push'], ['--', 'push']])('a folder of such a name is built: %s %s', (...argv) => {
    expect(readArgv(argv)).toMatchObject({ command: 'build', words: [argv.at(-1)] })
  })

  test('no command of xbuild is reserved, and hints name only commands and flags that are', () => {
    const commands = COMMANDS.map(({ name }) => name)
    expect(Object.keys(RESERVED).filter((word) => commands.includes(word))).toEqual([])
    for (const hint of Object.values(RESERVED)) {
      for (const [, name] of hint.matchAll(/\bxbuild ([a-z-]+)/g))
        expect([...commands, 'itself', 'reads']).toContain(name)
      for (const [, name] of hint.matchAll(/--([a-z-]+)/g))
        expect(COMMANDS.flatMap(({ flags }) => flags.map((flag) => flag.name))).toContain(name)
    }
  })
})
