import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { xbuild } from './support/xbuild.ts'

let folder: string
let options: { cwd: string; store: string }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xbuild-check-'))
  options = { cwd: folder, store: join(folder, 'store') }
  writeFileSync(join(folder, 'hello'), 'hello\n')
  writeFileSync(join(folder, '.dockerignore'), 'left-out\n')
  write(
    'Dockerfile',
    'FROM scratch AS Base\nCOPY hello /\nCMD run\n# last it is the last\nFROM scratch AS last\nARG VERSION=1\nCOPY left-out /\n',
  )
  write('good', '# syntax=docker/dockerfile:1\nFROM scratch\nCOPY hello /\nCMD ["run"]\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

describe('--check', () => {
  test('prints each finding with its lines and exits with 1', async () => {
    const { code, stdout, stderr } = await xbuild(['--check', '.'], options)
    expect(code).toBe(1)
    expect(stderr).toBe('')
    expect(stdout).toContain(
      'warning: CMD runs under a shell, which does not pass signals on (JSONArgsRecommended)\n  at Dockerfile:3\n',
    )
    expect(stdout).toContain('  > 3 | CMD run\n')
    expect(stdout).toContain('(StageNameCasing)')
    expect(stdout).toContain('Cannot copy "left-out": .dockerignore leaves it out (CopyIgnoredFile)')
    expect(stdout.endsWith('Checked Dockerfile: 3 warnings\n')).toBe(true)
  })

  test('looks only at what the target needs, for every platform', async () => {
    const { code, stdout } = await xbuild(
      ['build', '--check', '--target', 'last', '--platform', 'linux/amd64,linux/arm64', '.'],
      options,
    )
    expect(code).toBe(1)
    expect(stdout).not.toContain('JSONArgsRecommended')
    expect(stdout.match(/CopyIgnoredFile/g)).toHaveLength(1)
  })

  test('exits with 0 when there is nothing to say', async () => {
    expect(await xbuild(['--check', '-f', 'good', '.'], options)).toEqual({
      code: 0,
      stdout: 'Checked good: no warnings\n',
      stderr: '',
    })
  })

  test('goes without a base image that cannot be had, saying so', async () => {
    write('offline', 'FROM 127.0.0.1:1/nothing:here\nENV A=$JAVA_HOME/x\nCMD run\n')
    const { code, stdout, stderr } = await xbuild(['--check', '-f', 'offline', '.'], options)
    expect(code).toBe(1)
    expect(stderr).toContain('Checking without the base image "127.0.0.1:1/nothing:here"')
    expect(stdout).toContain('Checked offline: 1 warning\n')
  })

  test('tells what is wrong before a mistake in the syntax, too', async () => {
    write('broken', 'FROM scratch as base\nMAINTAINER me\nRNU x\nMAINTAINER you\n')
    const { code, stdout } = await xbuild(['--check', '-f', 'broken', '.'], options)
    expect(code).toBe(1)
    expect(stdout).toContain('error: Cannot parse instruction "RNU": it is unknown')
    expect(stdout).toMatch(/\(FromAsCasing\)\n {2}at broken:1\n/)
    expect(stdout).toMatch(/\(MaintainerDeprecated\)\n {2}at broken:2\n/)
    expect(stdout).not.toContain('at broken:4')
    expect(stdout.endsWith('Checked broken: 1 error, 2 warnings\n')).toBe(true)
  })

  test('a finding that BuildKit does not have is told and fails nothing', async () => {
    write('own', '# check=error=true\nARG BUILDPLATFORM=linux/amd64\nFROM scratch\nCOPY hello /\n')
    const { code, stdout } = await xbuild(['--check', '-f', 'own', '.'], options)
    expect({ code, last: stdout.split('\n').at(-2) }).toEqual({ code: 0, last: 'Checked own: 1 warning' })
    expect(stdout).toContain('(PlatformArgDefaultDisallowed)\n  at own:2\n')
    const built = await xbuild(['-f', 'own', '.'], options)
    expect(built.code, built.stderr).toBe(0)
    expect(built.stderr).toContain('warning: PlatformArgDefaultDisallowed')
  })

  test('a reason may follow what is skipped', async () => {
    write(
      'reason',
      '# check=skip=StageNameCasing // old\nFROM scratch AS Base\n# check=skip=JSONArgsRecommended // so\nCMD x\n',
    )
    const { code, stdout } = await xbuild(['--check', '-f', 'reason', '.'], options)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Checked reason: no warnings\n' })
  })

  test('JSON has what a mistake in the syntax is', async () => {
    write('broken', 'FROM scratch\nRNU x\n')
    const { code, stdout } = await xbuild(['--call=check,format=json', '-f', 'broken', '.'], options)
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      warnings: [],
      buildError: {
        message: 'Cannot parse instruction "RNU": it is unknown',
        location: { ranges: [{ start: { line: 2 } }] },
      },
    })
  })

  test('ignorestatus=true exits with 0', async () => {
    const { code, stdout } = await xbuild(['--call=check,format=json,ignorestatus=true', '.'], options)
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as { warnings: unknown[] }).warnings).toHaveLength(3)
  })
})

describe('--call', () => {
  test('outline and targets', async () => {
    expect(await xbuild(['--call=outline', '.'], options)).toEqual({
      code: 0,
      stderr: '',
      stdout: 'TARGET:      last\nDESCRIPTION: it is the last\n\nBUILD ARG   VALUE   DESCRIPTION\nVERSION     1\n',
    })
    expect(await xbuild(['--call', 'targets', '.'], options)).toEqual({
      code: 0,
      stderr: '',
      stdout: 'TARGET           DESCRIPTION\nbase\nlast (default)   it is the last\n',
    })
  })

  test.each([
    ['ENV x="a', 'a double quote has no end'],
    ["ENV x='a\\'b'", 'a single quote has no end'],
    ['LABEL x=${a', '"${" has no "}"'],
    ['ARG x=${a:b}', 'modifier ":b" is unknown'],
    ['WORKDIR /a"b', 'a double quote has no end'],
    ['COPY a"b /', 'a double quote has no end'],
  ])('outline refuses the malformed word of %s', async (instruction, state) => {
    write('malformed', `FROM scratch\n${instruction}\n`)
    const { code, stdout, stderr } = await xbuild(['--call=outline', '-f', 'malformed', '.'], options)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(state)
    expect(stderr).toContain('at malformed:2')
  })

  test.each([
    ['COPY --chmod=zz a /', 'Cannot use mode "zz"'],
    ['ARG X\nENV x=${X:?no}', 'X: no'],
  ])('outline refuses what cannot be right from scratch, but may be with a base image: %s', async (text, state) => {
    write('unfit', `FROM scratch\n${text}\n`)
    expect(await xbuild(['--call=outline', '-f', 'unfit', '.'], options)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(state),
    })
    write('fit', `FROM 127.0.0.1:1/some/base\n${text.replace('ARG X\n', '').replace('zz', '$MODE')}\n`)
    expect(await xbuild(['--call=outline', '-f', 'fit', '.'], options)).toMatchObject({ code: 0 })
  })

  test('an unknown method is wrong usage', async () => {
    expect(await xbuild(['--call=chek', '.'], options)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Did you mean check?'),
    })
  })
})

describe('a build', () => {
  test('tells what checks find in one line each', async () => {
    write('warned', 'FROM scratch\nCOPY hello /\nCMD run\n')
    const { code, stderr } = await xbuild(['-f', 'warned', '--platform', 'linux/amd64,linux/arm64', '.'], options)
    expect(code).toBe(0)
    expect(stderr.match(/warning: JSONArgsRecommended: CMD runs under a shell, .* \(warned:3\)/g)).toHaveLength(1)
  })

  test('ends when the Dockerfile says error=true', async () => {
    write('strict', '# check=error=true\nFROM scratch\nCOPY hello /\nCMD run\n')
    const { code, stdout, stderr } = await xbuild(['-f', 'strict', '.'], options)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('error: JSONArgsRecommended: CMD runs under a shell')
    const skipped = await xbuild(['-f', 'strict', '--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=all', '.'], options)
    expect(skipped.code).toBe(0)
  })

  test('refuses another frontend with its line', async () => {
    write('foreign', '# syntax=example.com/other:1\nFROM scratch\n')
    const { code, stderr } = await xbuild(['-f', 'foreign', '.'], options)
    expect(code).toBe(1)
    expect(stderr).toContain('Cannot use syntax "example.com/other:1"')
    expect(stderr).toContain('at foreign:1')
  })
})
