import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readArgv } from '../../src/cli/command-line.ts'

const folder = join(import.meta.dirname, '../../examples/ci')

test.each(['gitlab-ci.yml', 'forgejo.yml', 'buildkite.yml', 'Jenkinsfile'])(
  '%s can be read, and its commands have flags that exist',
  (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    if (name.endsWith('.yml')) expect(() => parse(text)).not.toThrow()
    const lines = [...text.matchAll(/xbuild (ci (?:build|merge) [^'\n]*)/g)].map(([, line]) =>
      line!.trim().split(/\s+/),
    )
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(readArgv(line)).toMatchObject({ command: 'ci' })
  },
)
