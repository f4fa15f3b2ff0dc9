import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readIgnoreFile } from '../src/content/context.ts'
import { programFailure } from '../src/emulation/program-failure.ts'
import { XbuildError } from '../src/errors.ts'

test('a copy of an error keeps its facts, and gets the place', () => {
  const cause = new Error('why')
  const error = new XbuildError('HOST', 'Cannot run "x": it is not installed', {
    hint: 'Install it',
    output: ['line'],
    facts: { missing: 'program' },
    cause,
  })
  const at = { file: 'Dockerfile', line: 3 }
  const copy = error.with({ at, facts: { exitCode: 3 } })
  expect(copy).toMatchObject({ code: 'HOST', message: error.message, hint: 'Install it', output: ['line'], at, cause })
  expect(copy.facts).toEqual({ missing: 'program', exitCode: 3 })
  expect(error.at).toBeUndefined()
})

test.each([
  [{ status: 139, output: [], emulated: true }, 'EMULATOR', 139],
  [{ status: 132, output: [], emulated: true }, 'EMULATOR', 132],
  [{ status: 1, output: ['qemu: uncaught target signal 11'], emulated: true }, 'EMULATOR', 1],
  [{ status: 139, output: [], emulated: false }, 'RUN_FAILED', 139],
  [{ status: 1, output: [], emulated: true }, 'RUN_FAILED', 1],
  [{ status: 'SIGKILL', output: [], emulated: true }, 'RUN_FAILED', undefined],
] as const)('%j is %s', (end, code, exitCode) => {
  const error = programFailure('make', end)
  expect(error.code).toBe(code)
  expect(error.facts.exitCode).toBe(exitCode)
})

test('an ignore file that cannot be read is an error, one that is not there is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-ignore-'))
  try {
    await mkdir(join(folder, '.dockerignore'))
    const candidates = [join(folder, 'Dockerfile.dockerignore'), join(folder, '.dockerignore')]
    await expect(readIgnoreFile(candidates)).rejects.toMatchObject({ message: expect.stringContaining('Cannot read') })
    await writeFile(candidates[0]!, 'a\n')
    expect(await readIgnoreFile(candidates)).toEqual({ file: candidates[0], text: 'a\n' })
    expect(await readIgnoreFile([join(folder, 'none')])).toBeUndefined()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a copy of an error may have another code', () => {
  const error = new XbuildError('BAD_PLATFORM', 'Cannot read "x": no', { hint: 'Write y', facts: { subject: 'x' } })
  const copy = error.with({ code: 'BAD_OPTION', message: 'Cannot read "x": no (from X)' })
  expect(copy).toMatchObject({
    code: 'BAD_OPTION',
    message: 'Cannot read "x": no (from X)',
    hint: 'Write y',
    cause: error,
  })
  expect(copy.facts).toEqual({ subject: 'x' })
})
