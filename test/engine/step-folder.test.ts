import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownMark } from '../../src/host/process-mark.ts'
import { makeStepFolder } from '../../src/engine/step-folder.ts'
import { tempFolder } from '../support/temp-folder.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777

test.each([
  ['in the store', ''],
  ['beside a store whose path is too long for a socket', 'long'.repeat(30)],
])('what a step may ask through, %s, is closed to other users of this machine', (_, below) => {
  const folder = makeStepFolder({ tmp: join(tempFolder(), below) }, ['abc'])
  onTestFinished(() => rmSync(dirname(folder), { recursive: true }))
  expect(modeOf(dirname(folder))).toBe(0o700)
  for (const path of ['', 'names', 'rules']) expect(modeOf(join(folder, path))).toBe(0o755)
})

test('what a killed build left beside a store whose path is too long is removed, and what a living one uses is not', () => {
  const gone = ownMark().replace(/^\d+/, String(spawnSync('true').pid))
  const [left, used] = [gone, ownMark()].map((mark) => join(tmpdir(), `${mark}-accel-aBc123`)) as [string, string]
  for (const path of [left, used]) mkdirSync(path, { mode: 0o700 })
  onTestFinished(() => rmSync(used, { recursive: true }))
  const folder = makeStepFolder({ tmp: '/long'.repeat(30) }, [])
  onTestFinished(() => rmSync(dirname(folder), { recursive: true }))
  expect([left, used].map((path) => existsSync(path))).toEqual([false, true])
})
