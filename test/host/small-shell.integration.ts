import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { smallShell } from '../../src/host/small-shell.ts'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-shell-'))
afterAll(() => rmSync(folder, { recursive: true }))
const never = new AbortController().signal

test('programs run one after the other, with their arguments as they are', async () => {
  const shell = smallShell({ cwd: folder, signal: never })
  const words = ["it's", '$HOME `id` "x" \\', '', '-n', 'ü *']
  const done = [
    shell.run('sh', ['-c', 'sleep 0.2; echo first >>order']),
    shell.run('sh', ['-c', 'echo second >>order; printf "%s\\n" "$@" >words', 'sh', ...words]),
  ]
  await Promise.all(done)
  await shell.close()
  expect(readFileSync(join(folder, 'order'), 'utf8')).toBe('first\nsecond\n')
  expect(readFileSync(join(folder, 'words'), 'utf8')).toBe(words.map((word) => `${word}\n`).join(''))
})

test('a program that fails says why, and the next one runs', async () => {
  const shell = smallShell({ cwd: folder, signal: never })
  const failed = shell.run('sh', ['-c', 'echo no good >&2; cat; exit 3'])
  const next = shell.run('touch', ['next'])
  await expect(failed).rejects.toMatchObject({ code: 'HOST', output: ['no good'] })
  await expect(failed).rejects.toThrow('exit status 3')
  await next
  await expect(shell.run('no-such-program', [])).rejects.toThrow('exit status 127')
  expect(() => shell.run('echo', ['two\nlines'])).toThrow('one line')
  await shell.close()
  expect(existsSync(join(folder, 'next'))).toBe(true)
})

test('the signal ends what runs, and nothing is started after it', async () => {
  const stop = new AbortController()
  const shell = smallShell({ cwd: folder, signal: stop.signal })
  writeFileSync(join(folder, 'pid'), '')
  const running = shell.run('sh', ['-c', 'echo $$ >pid; exec sleep 1000'])
  const later = shell.run('touch', ['later'])
  while (readFileSync(join(folder, 'pid'), 'utf8') === '') await new Promise((resolve) => setTimeout(resolve, 10))
  stop.abort()
  await expect(running).rejects.toThrow()
  await expect(later).rejects.toThrow()
  await shell.close()
  const pid = readFileSync(join(folder, 'pid'), 'utf8').trim()
  // Who takes in orphans may not have looked yet
  if (existsSync(`/proc/${pid}/stat`)) expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) [ZX] /)
  expect(existsSync(join(folder, 'later'))).toBe(false)
})
