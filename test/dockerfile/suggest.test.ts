import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { suggestCross } from '../../src/dockerfile/suggest/suggest.ts'
import type { Suggestions } from '../../src/dockerfile/suggest/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import { formatAdvice } from '../../src/ui/suggest.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/suggest')
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.Dockerfile'))

function suggest(text: string, { platforms = 'linux/amd64,linux/arm64' }: { platforms?: string } = {}): Suggestions {
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: 'Dockerfile' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return suggestCross({ dockerfile, text, platforms: platforms.split(',').map((one) => parsePlatform(one)), buildPlatform: parsePlatform('linux/amd64'), buildArgs: {} })
}

/** A comment at the top may name the platforms. */
function suggestFor(name: string): Suggestions & { before: string } {
  const before = readFileSync(join(FOLDER, name), 'utf8')
  const platforms = /^# platforms: (.*)$/m.exec(before)?.[1]
  return { ...suggest(before, platforms ? { platforms } : {}), before }
}

describe.each(NAMES)('%s', (name) => {
  test('what is suggested, and what is said', async () => {
    const found = suggestFor(name)
    await expect(`${formatAdvice(found, 'Dockerfile')}\n${found.diff}`).toMatchFileSnapshot(join(FOLDER, name.replace('.Dockerfile', '.txt')))
  })

  test('a second look finds nothing more', () => {
    const { text } = suggestFor(name)
    expect(suggest(text).diff).toBe('')
  })
})
