import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { BUILD_CLI_FLAGS, PROGRAM_FLAGS } from '../../src/config/cli-flags.ts'
import { FLAGS } from '../../src/config/flags.ts'
import { formatHelp } from '../../src/cli/help.ts'

test('the whole help text', async () => {
  await expect(formatHelp(COMMANDS)).toMatchFileSnapshot('../fixtures/cli/help.txt')
  await expect(formatHelp(COMMANDS, 'plan')).toMatchFileSnapshot('../fixtures/cli/help-plan.txt')
})

test.each(COMMANDS)('xbuild help $name fits a terminal and ends in one newline', ({ name }) => {
  const text = formatHelp(COMMANDS, name)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
  expect(text).toMatch(/^Usage: xbuild .*[^\n]\n$/s)
})

test.each(
  [...Object.values(FLAGS), ...Object.values(BUILD_CLI_FLAGS), ...Object.values(PROGRAM_FLAGS)].map(
    (flag) => flag.name,
  ),
)('--%s is in the help of plan', (name) => {
  expect(formatHelp(COMMANDS, 'plan')).toContain(`--${name}`)
})
