import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDockerfile } from '../../../src/dockerfile/parse.ts'
import { suggestCross } from '../../../src/dockerfile/suggest/suggest.ts'
import type { Suggestions } from '../../../src/dockerfile/suggest/types.ts'
import { XbuildError } from '../../../src/errors.ts'
import { parsePlatform } from '../../../src/platform.ts'
import { formatAdvice } from '../../../src/ui/suggest.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/suggest')
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.Dockerfile'))

function suggest(
  text: string,
  { platforms = 'linux/amd64,linux/arm64', strict = true }: { platforms?: string; strict?: boolean } = {},
): Suggestions {
  const { dockerfile, diagnostics } = parseDockerfile(text, { file: 'Dockerfile' })
  if (strict) expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return suggestCross({
    dockerfile,
    text,
    platforms: platforms.split(',').map((one) => parsePlatform(one)),
    buildPlatform: parsePlatform('linux/amd64'),
    buildArgs: {},
  })
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
    await expect(`${formatAdvice(found, 'Dockerfile')}\n${found.diff}`).toMatchFileSnapshot(
      join(FOLDER, name.replace('.Dockerfile', '.txt')),
    )
  })

  test('the diff makes the new text of the old one', () => {
    const { before, text, diff } = suggestFor(name)
    expect(patch(before, diff)).toBe(text)
  })

  test('a second look finds nothing more', () => {
    const { text } = suggestFor(name)
    expect(suggest(text).diff).toBe('')
  })
})

test('any mix of lines gives an answer, a diff that fits, and nothing more the second time', () => {
  const lines = fc.constantFrom(
    'FROM golang AS a',
    'FROM a AS b',
    'FROM debian',
    'FROM --platform=$TARGETPLATFORM rust AS c',
    'COPY --from=a /x /y',
    'COPY --from=0 / /',
    'WORKDIR /w',
    '# comment',
    '',
    'ARG TARGETARCH=amd64',
    'RUN go build -o /x',
    'RUN cd /z && \\\n  # c\n\n  make; go build',
    'RUN <<E\nmake\ngo build\nE',
    'RUN apt-get update && apt-get install -y gcc libz-dev make',
    'RUN make',
    'RUN cargo build',
    'RUN gcc a.c',
    'RUN case $X in a) echo "$(uname -m)";; esac',
    "RUN echo 'open",
    'RUN ["go", "build"]',
    'RUN (cd /a; ./configure)',
    'RUN cmake .',
    'RUN npm run build',
    'RUN f() { go build; }',
    'ENV CGO_ENABLED=0',
  )
  fc.assert(
    fc.property(
      fc.array(lines, { maxLength: 14 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      (body, newline, ends) => {
        const before =
          ['FROM golang AS first', ...body, 'FROM scratch', 'COPY --from=first /x /']
            .join('\n')
            .replaceAll('\n', newline) + (ends ? newline : '')
        let found: Suggestions
        try {
          found = suggest(before, { strict: false })
        } catch (error) {
          if (error instanceof XbuildError) return
          throw error
        }
        expect(patch(before, found.diff)).toBe(found.text)
        expect(suggest(found.text, { strict: false }).diff).toBe('')
      },
    ),
    { numRuns: 150, seed: 5 },
  )
})

test('a file of two thousand lines in two hundred stages is no matter', () => {
  const stages = Array.from(
    { length: 200 },
    (_, i) =>
      `FROM ${i === 0 ? 'golang' : `s${i - 1}`} AS s${i}\nENV CGO_ENABLED=0\n${'RUN go build -o /a && echo $(date)\n'.repeat(8)}`,
  )
  const text = `${stages.join('')}FROM scratch\nCOPY --from=s199 /a /\n`
  const start = process.cpuUsage()
  expect(suggest(text).edits).toHaveLength(1801)
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1e6).toBeLessThan(2)
})

/** What `patch` does with one file, without looking for places. */
function patch(text: string, diff: string): string {
  const lines = text.split('\n')
  const out: string[] = []
  let at = 0
  for (const line of diff.split('\n').slice(2)) {
    const head = /^@@ -(\d+),\d+ \+(\d+),\d+ @@$/.exec(line)
    if (head) {
      out.push(...lines.slice(at, Number(head[1]) - 1))
      at = Number(head[1]) - 1
      expect(out).toHaveLength(Number(head[2]) - 1)
    } else if (line.startsWith('+')) out.push(line.slice(1))
    else if (line.startsWith(' ') || line.startsWith('-')) {
      expect(line.slice(1)).toBe(lines[at])
      if (line.startsWith(' ')) out.push(lines[at]!)
      at++
    }
  }
  return [...out, ...lines.slice(at)].join('\n')
}
