import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

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
