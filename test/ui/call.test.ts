import { expect, test } from 'vitest'
import type { Diagnostic } from '../../src/errors.ts'
import * as ui from '../../src/ui/call.ts'

const text = 'FROM scratch AS A\nCMD run\n'
const answered = { file: 'Dockerfile', text }
const style = { color: false, readFile: () => text }
const warning: Diagnostic = {
  rule: 'JSONArgsRecommended',
  severity: 'warning',
  message: 'CMD runs under a shell',
  hint: 'Write a list',
  at: { file: 'Dockerfile', line: 2 },
}
const error: Diagnostic = {
  rule: 'unknown-instruction',
  severity: 'error',
  message: 'Cannot parse',
  at: { file: 'Dockerfile', line: 1, endLine: 2 },
}

test('a check as text: each finding with its lines, then how many', () => {
  expect(ui.formatCheck([], 'Dockerfile', style)).toBe('Checked Dockerfile: no warnings\n')
  expect(ui.formatCheck([warning, error], 'Dockerfile', style)).toMatchSnapshot()
})

test('a check as JSON has the keys of docker buildx', () => {
  const json = JSON.parse(ui.checkToJson([error, warning], answered)) as Record<string, unknown>
  expect(json).toEqual({
    warnings: [
      {
        ruleName: 'JSONArgsRecommended',
        description: 'CMD or ENTRYPOINT runs under a shell, which does not pass signals on. Write a list',
        url: 'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/',
        detail: 'CMD runs under a shell',
        location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
      },
    ],
    sources: [{ filename: 'Dockerfile', data: Buffer.from(text).toString('base64'), language: 'Dockerfile' }],
    buildError: { message: 'Cannot parse', location: { ranges: [{ start: { line: 1 }, end: { line: 2 } }] } },
  })
})

test('a check that error=true makes fail still lists its warnings', () => {
  const json = JSON.parse(ui.checkToJson([{ ...warning, severity: 'error' }], answered)) as {
    warnings: unknown[]
    buildError?: unknown
  }
  expect(json.warnings).toHaveLength(1)
  expect(json.buildError).toBeUndefined()
})

const at = { file: 'Dockerfile', line: 1 }

test('targets', () => {
  const targets = [
    { name: 'a', isDefault: false, base: 'scratch', at },
    { isDefault: false, base: 'a', at },
    { name: 'long-name', description: 'what \u001b[31mit is', isDefault: true, base: 'a', at },
  ]
  expect(ui.formatTargets(targets)).toBe('TARGET                DESCRIPTION\na\nlong-name (default)   what it is\n')
  expect(JSON.parse(ui.targetsToJson(targets, answered))).toMatchObject({
    targets: [{ name: 'a', base: 'scratch' }, { base: 'a' }, { name: 'long-name', default: true }],
  })
})

test('an outline', () => {
  const outline = {
    name: 'a',
    description: 'it',
    args: [
      { name: 'X', value: '1', description: 'the x', at },
      { name: 'LONG', at },
    ],
    secrets: [{ name: 's', required: true, at }],
    ssh: [{ name: 'default', at }],
  }
  expect(ui.formatOutline(outline)).toBe(
    'TARGET:      a\nDESCRIPTION: it\n\nBUILD ARG   VALUE   DESCRIPTION\nX           1       the x\nLONG\n\nSECRET   REQUIRED\ns        true\n\nSSH       REQUIRED\ndefault\n',
  )
  expect(JSON.parse(ui.outlineToJson({ args: [], secrets: [], ssh: [] }, answered))).toEqual({
    sources: [Buffer.from(text).toString('base64')],
  })
})
