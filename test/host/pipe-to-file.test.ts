import { readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { pipeToFile } from '../../src/host/pipe-to-file.ts'
import { tempFolder } from '../support/temp-folder.ts'

const never = new AbortController().signal

test('writes, and goes on at the end', async () => {
  const folder = tempFolder()
  const path = join(folder, 'file')
  await pipeToFile([Readable.from([Buffer.from('one ')]), new PassThrough()], path, {
    flags: 'wx',
    mode: 0o600,
    signal: never,
  })
  await pipeToFile([Readable.from([Buffer.from('two')])], path, { flags: 'a', signal: never })
  expect(readFileSync(path, 'utf8')).toBe('one two')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await expect(pipeToFile([Readable.from([])], path, { flags: 'wx', signal: never })).rejects.toMatchObject({
    code: 'EEXIST',
  })
  await expect(
    pipeToFile([Readable.from([])], join(folder, 'none/file'), { flags: 'w', signal: never }),
  ).rejects.toMatchObject({ code: 'ENOENT' })
})

test('what breaks at once makes no file afterwards', async () => {
  const folder = tempFolder()
  const broken = () =>
    new Readable({
      read() {
        this.destroy(new Error('broken'))
      },
    })
  const before = readdirSync('/proc/self/fd').length
  for (let round = 0; round < 50; round++) {
    const path = join(folder, `late-${round}`)
    await expect(pipeToFile([broken()], path, { flags: 'w', signal: never })).rejects.toThrow('broken')
    await rm(path, { force: true })
    await expect(
      pipeToFile([Readable.from([Buffer.from('x')])], path, { flags: 'w', signal: AbortSignal.abort() }),
    ).rejects.toThrow()
    await rm(path, { force: true })
  }
  for (let round = 0; round < 20; round++) await turn()
  expect(readdirSync(folder).filter((name) => name.startsWith('late-'))).toEqual([])
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before)
})
