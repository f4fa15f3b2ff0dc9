import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** Two trees of 3,600 bytes each, one at the end of the other: no path reaches the end. */
const DEEP = `RUN d=$(printf '%0200d' 0) && p=/t; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do p=$p/$d; done \\
  && mkdir -p $p && cp -a /t /u && mv /u $p/u`

test.each(MODES)('a %s step that makes a tree without an end leaves nothing behind', async (mode) => {
  const tmp = join(sandbox.store(mode), 'tmp')
  const failed = await sandbox.build(mode, { Dockerfile: `FROM busybox\n${DEEP} && echo made && false\n` })
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/ made$/m)])
  expect(readdirSync(tmp)).toEqual([])
  // What no archive can hold is no layer
  const kept = await sandbox.build(mode, { Dockerfile: `FROM busybox\n${DEEP}\n` })
  expect([kept.code, kept.stderr]).toEqual([1, expect.stringMatching(/^error: Cannot .*too long/m)])
  expect(kept.stderr).not.toMatch(/bug in xbuild/)
  expect(readdirSync(tmp)).toEqual([])
})

/** As deep as paths can be that the kernel takes: `count` folders in each other, and a file. */
const nested = (count: number) =>
  `mkdir /t && cd /t && i=0 && while [ $i -lt ${count} ]; do mkdir d && cd d || exit 1; i=$((i+1)); done && echo text > f`

test('a tree of 1,900 folders in each other is kept, and comes out again', async () => {
  const out = join(folder, 'out')
  const Dockerfile = `FROM busybox\nRUN ${nested(1900)}\n`
  const { code, stderr } = await sandbox.build('native', { Dockerfile }, ['-o', `type=local,dest=${out}`])
  expect(code, stderr).toBe(0)
  expect(readFileSync(`${out}/t/${'d/'.repeat(1900)}f`, 'utf8')).toBe('text\n')
  expect(readdirSync(join(sandbox.store('native'), 'tmp'))).toEqual([])
})

test('one that no path in the store can name ends with an error that says so, and is removed', async () => {
  const { code, stderr } = await sandbox.build('native', { Dockerfile: `FROM busybox\nRUN ${nested(2040)}\n` })
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^error: Cannot pack "t\/d.{0,200}": its path is too long/m),
  ])
  const context = Object.fromEntries([[`${'d/'.repeat(1980)}f`, '']])
  const copied = await sandbox.build('native', { ...context, Dockerfile: 'FROM busybox\nCOPY d /a/long/name/d\n' })
  expect(copied.stderr).not.toMatch(/bug in xbuild/)
  expect(readdirSync(join(sandbox.store('native'), 'tmp'))).toEqual([])
})
