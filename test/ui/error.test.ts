import { expect, test } from 'vitest'
import { DockerfileError, XbuildError, type Diagnostic } from '../../src/errors.ts'
import { formatDiagnostics, formatError } from '../../src/ui/error.ts'

const DOCKERFILE = `FROM alpine AS build
WORKDIR /src
COPY . .
RUN make \\
    all
FROM scratch
COPY --from=build /src/app /app
`
const plain = { color: false, readFile: (path: string) => (path === 'Dockerfile' ? DOCKERFILE : undefined) }

class Failed extends XbuildError {
  readonly failures: readonly { platform: string; error: XbuildError }[]
  constructor(failures: readonly { platform: string; error: XbuildError }[]) {
    super('RUN_FAILED', `Cannot build ${failures.length} of 4 platforms`)
    this.failures = failures
  }
}

class Bad extends XbuildError {
  readonly diagnostics: readonly Diagnostic[]
  constructor(diagnostics: readonly Diagnostic[]) {
    super('BAD_DOCKERFILE', `Cannot read "Dockerfile": ${diagnostics.length} problems`)
    this.diagnostics = diagnostics
  }
}

const runFailed = (output: readonly string[]) =>
  new XbuildError('RUN_FAILED', 'Cannot run "make all" in stage build (4/4): exit status 2', {
    at: { file: 'Dockerfile', line: 4, endLine: 5 },
    output,
    hint: 'Run it with --progress plain to see all its output',
  })

const diagnostics: readonly Diagnostic[] = [
  {
    rule: 'unknown-instruction',
    severity: 'error',
    message: 'Unknown instruction "RNU"',
    hint: 'Did you mean RUN?',
    at: { file: 'Dockerfile', line: 4 },
  },
  {
    rule: 'stage-case',
    severity: 'warning',
    message: 'Stage name should be lower case',
    at: { file: 'other', line: 1 },
  },
]

test('every kind of error', async () => {
  const usage = new XbuildError('BAD_OPTION', 'Cannot use "--platfrom": unknown flag', {
    hint: 'Did you mean --platform?',
  })
  const emulator = new XbuildError('EMULATOR', 'Cannot run "make all": qemu ended by signal SIGSEGV', {
    at: { file: 'gone/Dockerfile', line: 4 },
  })
  const noisy = runFailed(['cc main.c', '\x1b[31mmain.c:1: error\x1b[0m'])
  const samples: readonly (readonly [title: string, text: string])[] = [
    ['usage', formatError(usage, plain)],
    ['one platform', formatError(new Failed([{ platform: 'linux/arm64', error: noisy }]), plain)],
    [
      'several platforms, two of them alike',
      formatError(
        new Failed([
          { platform: 'linux/amd64', error: runFailed(['same']) },
          { platform: 'linux/arm64', error: runFailed(['same']) },
          { platform: 'linux/riscv64', error: emulator },
        ]),
        plain,
      ),
    ],
    ['diagnostics in an error', formatError(new Bad(diagnostics), plain)],
    ['several mistakes in a Dockerfile', formatError(new DockerfileError(diagnostics), plain)],
    ['one mistake in a Dockerfile', formatError(new DockerfileError(diagnostics.slice(0, 1)), plain)],
    ['diagnostics alone', formatDiagnostics(diagnostics, plain)],
    ['a fault of ours', formatError(new XbuildError('INTERNAL', 'x is not a function'), plain)],
  ]
  await expect(samples.map(([title, text]) => `== ${title}\n${text}`).join('')).toMatchFileSnapshot(
    '../fixtures/ui/errors.txt',
  )
})

test('only the last lines of a long output are shown', () => {
  const text = formatError(runFailed(Array.from({ length: 500 }, (_, i) => `line ${i}`)), plain)
  expect(text).toContain('│ line 499')
  expect(text).toContain('│ line 480')
  expect(text).not.toContain('│ line 479')
})

test('causes only with --debug, each once', () => {
  const root = new Error('connect ECONNREFUSED')
  const middle = new XbuildError('REGISTRY', 'GET failed', { cause: root })
  const error = new XbuildError('REGISTRY', 'Cannot reach "registry.example"', { cause: middle })
  Object.assign(root, { cause: error })
  expect(formatError(error, plain)).not.toContain('ECONNREFUSED')
  const debug = formatError(error, { ...plain, debug: true })
  expect(debug.match(/caused by:/g)).toHaveLength(2)
  expect(debug).toContain('caused by: Error: connect ECONNREFUSED')
  expect(debug).toMatch(/ at .*error\.test\.ts/)
})

test('text from outside cannot rewrite the terminal, colours are ours', () => {
  const error = new XbuildError('NOT_FOUND', 'Cannot find "\x1b[2Jx"', {
    hint: 'a\x07b',
    at: { file: '\x1b[1A', line: 1 },
  })
  expect(formatError(error, plain)).not.toMatch(/[\x1b\x07]/)
  expect(formatError(error, { color: true })).toContain('\x1b[31merror:\x1b[39m')
})

test('a position beyond the end of the file shows no lines', () => {
  const error = new XbuildError('BAD_DOCKERFILE', 'Cannot read', { at: { file: 'Dockerfile', line: 99 } })
  expect(formatError(error, plain)).toBe('error: Cannot read\n  at Dockerfile:99\n')
})

test('URLs have no logins, in messages and in the lines of a Dockerfile', () => {
  const error = new XbuildError('NOT_FOUND', 'Cannot read "https://me:word@host/x": no such file', {
    at: { file: 'Dockerfile', line: 2 },
  })
  const text = formatError(error, {
    color: false,
    readFile: () => 'FROM scratch\nADD https://me:word@host/x ssh://git@host/y /\n',
  })
  expect(text).not.toContain('word')
  expect(text).toContain('Cannot read "https://host/x"')
  expect(text).toContain('> 2 | ADD https://host/x ssh://git@host/y /')
})
