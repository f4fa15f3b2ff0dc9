import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

test.each(MODES)('a %s step is the only one that it sees', async (mode) => {
  const Dockerfile = 'FROM busybox\nRUN ps | grep -c "[s]leep\\|[n]ode" | sed "s/^/others: /"; exit 0\n'
  const { code, stderr } = await sandbox.build(mode, { Dockerfile })
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('others: 0')
})
