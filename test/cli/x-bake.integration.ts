import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { runHere } from '../support/run-in-process.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('a key of x-bake that does not exist is passed over with a warning', async () => {
  const cwd = writeFiles(tempFolder(), {
    'compose.yaml':
      'services:\n  web:\n    build:\n      context: .\n      x-bake:\n        tags: [a/b:1]\n        nonsense: 1\n',
  })
  const { code, stdout, stderr } = await runHere(['bake', '--print', 'web'], { cwd })
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('nonsense')
  expect(JSON.parse(stdout).target.web.tags).toEqual(['a/b:1'])
})
