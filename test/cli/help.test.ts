import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/config/argv.ts'
import { CLI_FLAGS } from '../../src/config/cli-flags.ts'
import { FLAGS } from '../../src/config/flags.ts'
import { formatHelp } from '../../src/cli/help.ts'

test('the whole help text', async () => {
  await expect(formatHelp()).toMatchFileSnapshot('../fixtures/cli/help.txt')
  await expect(formatHelp('plan')).toMatchFileSnapshot('../fixtures/cli/help-plan.txt')
})

test.each(COMMANDS)('xbuild help %s fits a terminal and ends in one newline', (command) => {
  const text = formatHelp(command)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
  expect(text).toMatch(/^Usage: xbuild .*[^\n]\n$/s)
})

test.each([...Object.values(FLAGS), ...Object.values(CLI_FLAGS)].map((flag) => flag.name))(
  '--%s is in the help of plan',
  (name) => {
    expect(formatHelp('plan')).toContain(`--${name}`)
  },
)
