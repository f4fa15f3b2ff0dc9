import { describe, expect, test } from 'vitest'
import { parseCall } from '../../src/config/call.ts'
import { parseArgv } from '../../src/cli/command-line.ts'
import { parsePlatform } from '../../src/platform.ts'

const read = (...argv: string[]) => parseArgv(argv, {}, { cwd: '/', localPlatform: parsePlatform('linux/amd64') })

describe('parseCall', () => {
  test.each([
    ['build', { kind: 'build', format: 'text', ignoreStatus: false }],
    ['check', { kind: 'check', format: 'text', ignoreStatus: false }],
    ['lint', { kind: 'check', format: 'text', ignoreStatus: false }],
    ['Outline,format=json', { kind: 'outline', format: 'json', ignoreStatus: false }],
    ['targets,format=text,ignorestatus=true', { kind: 'targets', format: 'text', ignoreStatus: true }],
  ])('%s', (text, expected) => {
    expect(parseCall(text, '--call')).toEqual(expected)
  })

  test.each([
    ['chek', 'Did you mean check?'],
    ['x', 'Use one of'],
    ['', 'Use one of'],
    ['check,format=xml', 'Add format'],
    ['check,json', 'Add format'],
  ])('%j is refused', (text, hint) => {
    expect(() => parseCall(text, '--call')).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', hint: expect.stringContaining(hint) }),
    )
  })
})

describe('on the command line', () => {
  test.each([
    [['--check', '.'], 'check'],
    [['--check', '--call=check,format=json', '.'], 'check'],
    [['build', '--call', 'outline', '.'], 'outline'],
  ])('%j is a question', (argv, kind) => {
    expect(read(...argv)).toMatchObject({ command: 'build', call: { kind }, options: { context: '.' } })
  })

  test.each([[['.']], [['--call=build', '.']], [['--check=false', '.']]])('%j builds', (argv) => {
    expect(read(...argv).command).toBe('build')
  })

  test.each([[['--check', '--call=outline', '.']], [['plan', '--check', '.']]])('%j contradicts itself', (argv) => {
    expect(() => read(...argv)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
  })
})
