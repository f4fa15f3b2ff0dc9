import { rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
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
