import { describe, expect, test } from 'vitest'
import { annotationsOf, callError, errorsOfText, placeOf } from '../../src/action/annotate.ts'
import { buildEnv, chooseUser, sudoLine } from '../../src/action/as-root.ts'
import { createGroups } from '../../src/action/groups.ts'
import { createLog } from '../../src/action/log.ts'
import { codeBlock, codeSpan, mermaidText, table } from '../../src/action/markdown.ts'
import { outputsOf, provenanceSets } from '../../src/action/results.ts'
import { createSeen, readEvent, takeEvent, type SeenEvent } from '../../src/action/seen.ts'
import { formatSummary } from '../../src/action/summary.ts'
import { annotation, command, fileEntry, maskCommands } from '../../src/action/workflow.ts'

/** A log in memory; its tokens are stop1, stop2. */
function memoryLog() {
  const parts: string[] = []
  let tokens = 0
  const log = createLog(
    (text) => void parts.push(text),
    () => `stop${++tokens}`,
  )
  // The runner's lines end at a carriage return, too
  return {
    log,
    lines: () =>
      parts
        .join('')
        .split(/\r\n|\r|\n/)
        .slice(0, -1),
  }
}

/** The commands that a runner acts on: a line that begins with two colons, unless commands are stopped. */
function acted(lines: readonly string[]): string[] {
  let token: string | undefined
  return lines.flatMap((line) => {
    const text = line.trimStart()
    if (token !== undefined) {
      if (text === `::${token}::`) token = undefined
      return []
    }
    token = /^::stop-commands::(.*)$/.exec(text)?.[1]
    return token === undefined && text.startsWith('::') ? [text] : []
  })
}

describe('workflow commands', () => {
  test.each([
    [command('debug', '50%\r\nx'), '::debug::50%25%0D%0Ax'],
    [annotation('error', 'a:b,c', { title: 'x:y,z%' }), '::error title=x%3Ay%2Cz%25::a:b,c'],
    [
      annotation('warning', 'm', { at: { file: 'a,b:c', line: 3, endLine: 4 } }),
      '::warning file=a%2Cb%3Ac,line=3,endLine=4::m',
    ],
    [annotation('notice', '', {}), '::notice::'],
  ])('%s', (line, expected) => expect(line).toBe(expected))

  test('an annotation stays one line whatever it says', () => {
    expect(annotation('error', 'a\n::add-mask::x', { title: 'b\n::set-env::y' }).split('\n')).toHaveLength(1)
  })

  test('the error of a call is one line, and its percent signs are text', () => {
    expect(callError('a\n50%0A done\n')).toBe('::error title=xbuild::50%250A done')
    expect(callError('a\r::add-mask::x').split(/[\r\n]/)).toHaveLength(1)
    expect(callError('')).toBe('::error title=xbuild::The call failed')
  })

  test('an output of any text is one entry', () => {
    const entry = fileEntry('metadata', 'a\nPATH<<x\n/evil\nx', 'end-1')
    expect(entry).toBe('metadata<<end-1\na\nPATH<<x\n/evil\nx\nend-1\n')
    expect(() => fileEntry('a', 'x\nend-1\nPATH=y', 'end-1')).toThrow(RangeError)
  })

  test.each<[string, readonly string[]]>([
    ['hunter2', ['::add-mask::hunter2']],
    ['x', ['::add-mask::x']],
    ['50%', ['::add-mask::50%25']],
    [
      '-----BEGIN\nabc\n-----END',
      ['::add-mask::-----BEGIN%0Aabc%0A-----END', '::add-mask::-----BEGIN', '::add-mask::abc', '::add-mask::-----END'],
    ],
    ['{\n  "key": 1\n}', ['::add-mask::{%0A  "key": 1%0A}', '::add-mask::"key": 1']],
    [' ', []],
  ])('%j is masked whole and by lines', (value, commands) => expect(maskCommands(value)).toEqual(commands))
})

describe('the log', () => {
  const HOSTILE = [
    '::add-mask::x',
    '  ::set-output name=a::b',
    '##[add-path]/evil',
    '::stop9::',
    '::endgroup::',
    '\u001b[31m::error::x',
    'a\r::error::x',
    '\u2028::error::x',
  ]

  test('text is never a command, whatever a build prints', () => {
    const { log, lines } = memoryLog()
    for (const line of HOSTILE) log.text(line)
    log.command('::debug::mine')
    log.group('::error::title\n::error::x', HOSTILE)
    log.close()
    const commands = acted(lines())
    expect(commands.filter((line) => !line.startsWith('::group::'))).toEqual(['::debug::mine', '::endgroup::'])
    expect(commands.filter((line) => line.startsWith('::group::'))).toHaveLength(1)
  })

  test('a token is used once', () => {
    const { log, lines } = memoryLog()
    log.text('a')
    log.command('::debug::x')
    log.text('::stop1::')
    log.text('::error::x')
    log.close()
    expect(acted(lines())).toEqual(['::debug::x'])
  })

  test('lines of a step are folded under their platform when it has ended', () => {
    const { log, lines } = memoryLog()
    const seen = createSeen()
    const groups = createGroups(seen, log)
    const at = 0
    const feed = (...events: SeenEvent[]) => {
      for (const event of events) {
        takeEvent(seen, event)
        groups.take(event)
      }
    }
    feed(
      { type: 'job.start', job: 'a', platform: 'linux/amd64', strategy: 'native', at },
      { type: 'step.start', step: '1', name: '[linux/amd64 2/2] RUN make', platforms: ['linux/amd64'], at },
      { type: 'step.start', step: '2', name: '[linux/arm64 2/2] RUN make', platforms: ['linux/arm64'], at },
      { type: 'step.log', step: '2', stream: 'stdout', line: 'of arm64', at },
      { type: 'step.log', step: '1', stream: 'stdout', line: '::error::of amd64', at },
      { type: 'step.done', step: '1', cached: false, at: 1500 },
      { type: 'job.done', job: 'a', platform: 'linux/amd64', digest: 'sha256:1', at },
    )
    expect(lines().filter((line) => line.startsWith('    '))).toEqual(['    ::error::of amd64'])
    groups.flush()
    log.close()
    expect(acted(lines())).toEqual(['::group::linux/amd64', '::endgroup::', '::group::linux/arm64', '::endgroup::'])
    expect(lines()).toContain('DONE 1.5s [linux/amd64 2/2] RUN make')
    expect(lines()).toContain('linux/amd64: [2/2] RUN make')
  })

  test('what is no event is text', () => {
    expect(readEvent('{"type":"warning","message":"x","at":1}')).toEqual({ type: 'warning', message: 'x', at: 1 })
    expect(readEvent('{"type":"warn')).toBeUndefined()
    expect(readEvent('error: x')).toBeUndefined()
  })
})

describe('annotations', () => {
  const folders = { cwd: '/ws/app/sub', workspace: '/ws/app' }
  test.each([
    [
      { file: 'Dockerfile', line: 3 },
      { file: 'sub/Dockerfile', line: 3 },
    ],
    [
      { file: '../Dockerfile', line: 1, endLine: 2 },
      { file: 'Dockerfile', line: 1, endLine: 2 },
    ],
    [
      { file: '/ws/app/x', line: 1 },
      { file: 'x', line: 1 },
    ],
    [{ file: '/etc/passwd', line: 1 }, undefined],
    [{ file: '../../x', line: 1 }, undefined],
    [{ file: 'x', line: 0 }, undefined],
    [undefined, undefined],
  ])('%j is at %j of the checkout', (at, place) => expect(placeOf(at, folders)).toEqual(place))

  test('an error of several platforms is told once, a check by its rule', () => {
    const seen = createSeen()
    const error = { message: 'Cannot copy "b": no such file', hint: 'Add it', at: { file: 'Dockerfile', line: 4 } }
    for (const platform of ['linux/amd64', 'linux/arm64'])
      takeEvent(seen, { type: 'job.fail', job: platform, platform, error, at: 0 })
    takeEvent(seen, { type: 'warning', message: 'StageNameCasing: x', source: { file: 'Dockerfile', line: 1 }, at: 0 })
    expect(annotationsOf(seen, { folders, checks: true })).toEqual([
      '::error title=xbuild%3A linux/amd64%2C linux/arm64,file=sub/Dockerfile,line=4::Cannot copy "b": no such file%0AAdd it',
      '::warning title=StageNameCasing,file=sub/Dockerfile,line=1::StageNameCasing: x',
    ])
    expect(annotationsOf(seen, { folders, checks: false })).toHaveLength(1)
  })

  test('errors that are printed as text keep their place', () => {
    const text =
      'error: Cannot parse "X"\n  platform: linux/amd64\n  at Dockerfile:2:5\n    1 | a\n  hint: Write Y\n\nerror: 2 problems were found\n'
    expect(errorsOfText(text)).toEqual([
      { message: 'Cannot parse "X"', platforms: ['linux/amd64'], at: { file: 'Dockerfile', line: 2 }, hint: 'Write Y' },
    ])
  })
})

describe('the summary', () => {
  const EVIL = [
    '<img src=x onerror=y>',
    '[a](https://evil.example)',
    'a`b``c',
    '| x |',
    '```\n# big\n<script>',
    '@octo https://evil.example',
  ]

  test.each(EVIL)('%j is text in a span and in a cell', (evil) => {
    const span = codeSpan(evil, { inTable: true })
    const [fence] = /^`+/.exec(span)!
    expect(span.endsWith(` ${fence}`)).toBe(true)
    expect(span.slice(fence.length, -fence.length)).not.toMatch(new RegExp(`(?<!\`)${fence}(?!\`)`))
    expect(span).not.toContain('\n')
    expect(span.replaceAll('\\|', '')).not.toContain('|')
  })

  test.each(EVIL)('%j does not end a block', (evil) => {
    const block = codeBlock(evil, 'sh').split('\n')
    const [fence] = /^`+/.exec(block[0]!)!
    expect(block.at(-1)).toBe(fence)
    expect(block.slice(1, -1).filter((line) => line.startsWith(fence))).toEqual([])
  })

  test('names in a graph hold nothing that mermaid acts on', () => {
    expect(mermaidText('a"]; click b "javascript:x" <b>|{}()`\n%%')).toMatch(/^[\p{L}\p{N} ./:_@+-]*$/u)
  })

  test('a table has a line of dashes', () => {
    expect(table(['A', 'B'], [['1', '2']])).toBe('| A | B |\n| --- | --- |\n| 1 | 2 |')
  })

  test('shows platforms, cache, digests, warnings, graph and how to pull', () => {
    const seen = createSeen()
    const at = 0
    const events: SeenEvent[] = [
      { type: 'job.start', job: 'a', platform: 'linux/amd64', strategy: 'native', at },
      { type: 'job.start', job: 'b', platform: 'linux/arm64', strategy: 'emulate', node: 'far', at },
      { type: 'step.start', step: '1', name: 'COPY', platforms: ['linux/amd64', 'linux/arm64'], at },
      { type: 'step.done', step: '1', cached: true, at },
      { type: 'step.start', step: '2', name: 'RUN', platforms: ['linux/arm64'], at },
      { type: 'step.done', step: '2', cached: false, at },
      {
        type: 'warning',
        message: 'linux/arm64: /bin/x is a program of amd64',
        source: { file: 'Dockerfile', line: 2 },
        at,
      },
      { type: 'job.done', job: 'a', platform: 'linux/amd64', digest: 'sha256:aa', at: 2000 },
      { type: 'job.done', job: 'b', platform: 'linux/arm64', digest: 'sha256:bb', at: 3000 },
    ]
    for (const event of events) takeEvent(seen, event)
    const job = (id: string, needs: string[]) => ({
      id,
      kind: 'stage',
      stage: id,
      needs,
      platform: { os: 'linux', architecture: 'amd64' },
      decision: { strategy: { kind: 'native', node: 'local' }, reason: 'why' },
    })
    const text = formatSummary(seen, {
      title: 'app:1',
      failed: false,
      digest: 'sha256:cc',
      tags: ['registry.example/app:1'],
      pushed: true,
      plan: { jobs: [job('base', []), job('app', ['base'])] },
    })
    expect(text).toContain('| ` linux/amd64 ` | ` native ` | ✅ built | 1 of 1 | 2.0s | ` sha256:aa ` |')
    expect(text).toContain('| ` linux/arm64 ` | ` emulate on far ` | ✅ built | 1 of 2 | 3.0s | ` sha256:bb ` |')
    expect(text).toContain('docker pull registry.example/app:1@sha256:cc')
    expect(text).toContain('- ` linux/arm64: /bin/x is a program of amd64 ` at ` Dockerfile:2 `')
    expect(text).toContain('  n0 --> n1')
    expect(
      outputsOf({ metadata: { 'containerimage.digest': 'sha256:cc' }, imageId: 'sha256:cc\n', seen, plan: undefined }),
    ).toEqual({
      imageid: 'sha256:cc',
      digest: 'sha256:cc',
      metadata: '{\n  "containerimage.digest": "sha256:cc"\n}',
      digests: '{"linux/amd64":"sha256:aa","linux/arm64":"sha256:bb"}',
    })
  })

  test('is never larger than GitHub takes', () => {
    const text = formatSummary(createSeen(), {
      title: 'x',
      failed: true,
      tags: [],
      pushed: false,
      text: 'é'.repeat(3_000_000),
    })
    expect(Buffer.byteLength(text)).toBeLessThan(1_048_576)
  })
})

describe('bake targets', () => {
  test('without a word of provenance get the default, beside what they attest', () => {
    const printed = JSON.stringify({
      target: { a: {}, b: { attest: [{ type: 'provenance' }] }, c: { attest: [{ type: 'sbom' }] } },
    })
    expect(provenanceSets(printed, 'mode=max')).toEqual([
      'a.attest=type=provenance,mode=max',
      'c.attest+=type=provenance,mode=max',
    ])
    expect(provenanceSets(JSON.stringify({ target: { a: { output: [{ type: 'docker' }] } } }), 'mode=max')).toEqual([])
  })
})

describe('as whom builds run', () => {
  const closed = { 'kernel.apparmor_restrict_unprivileged_userns': '1\n' }
  test.each<[what: string, facts: Parameters<typeof chooseUser>[0], outcome: 'root' | 'user' | 'problem']>([
    ['root is root', { uid: 0, settings: closed, sudo: false }, 'user'],
    [
      'open namespaces',
      { uid: 1001, settings: { 'kernel.apparmor_restrict_unprivileged_userns': '0\n' }, sudo: true },
      'user',
    ],
    ['a kernel without the settings', { uid: 1001, settings: {}, sudo: true }, 'user'],
    ['Ubuntu 24.04', { uid: 1001, settings: closed, sudo: true }, 'root'],
    ['Ubuntu 24.04 with a profile', { uid: 1001, settings: closed, sudo: true, rootless: true }, 'user'],
    ['Ubuntu 24.04 without sudo', { uid: 1001, settings: closed, sudo: false }, 'problem'],
    [
      'Debian that closed them',
      { uid: 1001, settings: { 'kernel.unprivileged_userns_clone': '0' }, sudo: true },
      'root',
    ],
  ])('%s', (_, facts, outcome) => {
    const { root, problem } = chooseUser(facts)
    expect(problem ? 'problem' : root ? 'root' : 'user').toBe(outcome)
    if (problem) expect(problem.hint).toContain('sysctl -w kernel.apparmor_restrict_unprivileged_userns=0')
  })

  test('sudo gets the variables by name, never a secret on its command line', () => {
    const line = sudoLine(['node', 'x'], { PATH: '/bin', HOME: '/home/runner', TOKEN: 'hunter2', 'A-B': 'x' })
    expect(line).toEqual([
      'sudo',
      '--non-interactive',
      '--preserve-env=PATH,HOME,TOKEN',
      '--',
      'env',
      'PATH=/bin',
      'HOME=/home/runner',
      'node',
      'x',
    ])
  })

  test('the program sees no inputs and no files of the runner', () => {
    expect(
      buildEnv({
        INPUT_SECRETS: 'A=b',
        STATE_temp: 'x',
        GITHUB_OUTPUT: '/o',
        GITHUB_SHA: '1',
        PATH: '/bin',
        NONE: undefined,
      }),
    ).toEqual({ GITHUB_SHA: '1', PATH: '/bin' })
  })
})
