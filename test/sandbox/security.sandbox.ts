import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())
const WHAT = 'grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status'

test.each(MODES)('a %s step with --security=sandbox may what any other may', async (mode) => {
  const files = {
    Dockerfile: [
      'FROM busybox',
      `RUN ${WHAT} > /plain && test -s /plain`,
      `RUN --security=sandbox ${WHAT} > /named`,
      `RUN --security=sandbox --network=none ${WHAT} > /apart`,
      'RUN cmp /plain /named && cmp /plain /apart && echo all alike',
    ].join('\n'),
  }
  const { code, stderr } = await sandbox.build(mode, files, ['--no-cache'])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('all alike')
})

test('another value is refused before anything runs', async () => {
  const files = { Dockerfile: 'FROM busybox\nRUN echo ran\nRUN --security=open true\n' }
  const { code, stderr } = await sandbox.build('native', files)
  expect(code).toBe(1)
  expect(stderr).toContain('"open"')
  expect(stderr).not.toMatch(/^#\d+ .*ran$/m)
})
