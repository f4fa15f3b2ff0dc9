import { describe, expect, test } from 'vitest'
import { evaluateStage } from '../../src/dockerfile/evaluate.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { checkSupported } from '../../src/dockerfile/supported.ts'
import type { CopyStep, RunStep, StageBase } from '../../src/dockerfile/types.ts'
import { parsePlatform } from '../../src/platform.ts'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

function evaluate(
  lines: string,
  {
    base = { config: {} },
    buildArgs = {},
    from = 'FROM img',
  }: { base?: StageBase; buildArgs?: Record<string, string>; from?: string } = {},
) {
  const { dockerfile } = parseDockerfile(`${from}\n${lines}`, { file: 'Dockerfile' })
  const platforms = { target: parsePlatform('linux/arm64'), buildPlatform: parsePlatform('linux/amd64') }
  const { graph } = buildStageGraph(dockerfile, { ...platforms, buildArgs, namedContexts: [] })
  return evaluateStage(graph.stages.at(-1)!, base)
}

const createdBy = (...args: Parameters<typeof evaluate>) =>
  evaluate(...args).steps.map(({ history }) => history.created_by)
const lastRun = (...args: Parameters<typeof evaluate>) =>
  evaluate(...args).steps.findLast((step): step is RunStep => step.kind === 'run')!
const lastCopy = (...args: Parameters<typeof evaluate>) =>
  evaluate(...args).steps.findLast((step): step is CopyStep => step.kind === 'copy')!

describe('variables', () => {
  test.each([
    ['ENV beats an ARG before it', 'ARG A=arg\nENV A=env', ['A=env']],
    ['an ARG with a value beats an ENV before it', 'ENV A=env\nARG A=arg\nENV B=$A', ['A=arg', 'B=arg']],
    ['an ARG without one does not', 'ENV A=env\nARG A', ['A=env']],
    ['the ENV after them beats both', 'ENV A=env\nARG A=arg\nENV A=last', ['A=last']],
    ['ARGs come after ENV', 'ARG A=arg\nENV B=env', ['B=env', 'A=arg']],
    ['an ARG without a value is not there', 'ARG A', []],
    ['an ARG with an empty value is', 'ARG A=', ['A=']],
    ['ENV takes what was before the instruction', 'ENV A=1\nENV A=2 B=$A', ['A=2', 'B=1']],
    ['ENV that is set again keeps its place', 'ENV A=1 B=2\nENV A=3', ['A=3', 'B=2']],
    [
      'platform ARGs need a declaration',
      'ENV A=$TARGETARCH\nARG TARGETARCH\nENV B=$TARGETARCH',
      ['A=', 'B=arm64', 'TARGETARCH=arm64'],
    ],
    ['keys are expanded too', 'ARG K=name\nENV $K=value', ['name=value', 'K=name']],
  ])('%s', (_, lines, expected) => {
    expect(lastRun(`${lines}\nRUN x`).env).toEqual([PATH, ...expected])
  })

  test('a build arg beats the default, which is then not expanded', () => {
    expect(lastRun('ARG A=${none:?never}\nRUN x', { buildArgs: { A: 'given', UNDECLARED: 'x' } }).env).toEqual([
      PATH,
      'A=given',
    ])
  })

  test('global ARGs are visible after a bare ARG only', () => {
    const from = 'ARG G=global\nFROM img'
    expect(lastRun('ENV A=$G\nARG G\nENV B=$G\nRUN x', { from }).env).toEqual([PATH, 'A=', 'B=global', 'G=global'])
    expect(lastRun('ARG G=own\nRUN x', { from }).env).toEqual([PATH, 'G=own'])
  })

  test('ARGs of the parent stage are inherited', () => {
    const base = { config: { Env: ['PATH=/p', 'X=1'] }, args: { A: 'parent', B: undefined } }
    const run = lastRun('RUN echo', { base })
    expect(run.env).toEqual(['PATH=/p', 'X=1', 'A=parent'])
    expect(run.history.created_by).toBe('RUN |2 A=parent B= /bin/sh -c echo # buildkit')
  })

  test('proxies reach every RUN, beside its environment', () => {
    const run = lastRun('RUN x', { buildArgs: { HTTP_PROXY: 'http://p', no_proxy: 'local' } })
    expect(run.env).toEqual([PATH])
    expect(run.secretEnv).toEqual(['HTTP_PROXY=http://p', 'http_proxy=http://p', 'NO_PROXY=local', 'no_proxy=local'])
    expect(run.history.created_by).toBe('RUN /bin/sh -c x # buildkit')
    const declared = lastRun('ARG HTTP_PROXY\nRUN x', { buildArgs: { HTTP_PROXY: 'http://p' } })
    expect(declared).toMatchObject({ env: [PATH, 'HTTP_PROXY=http://p'], secretEnv: ['http_proxy=http://p'] })
  })

  test('commands are not expanded', () => {
    expect(lastRun('ENV A=1\nRUN echo $A "$A"').argv).toEqual(['/bin/sh', '-c', 'echo $A "$A"'])
    expect(evaluate('ENV A=1\nCMD ["$A"]').config.Cmd).toEqual(['$A'])
  })
})

describe('config', () => {
  test('PATH is added only where the base has none', () => {
    expect(evaluate('').config.Env).toEqual([PATH])
    expect(evaluate('', { base: { config: { Env: ['A=1', 'PATH=/x'] } } }).config.Env).toEqual(['A=1', 'PATH=/x'])
  })

  test('FROM scratch works in the root', () => {
    expect(evaluate('', { from: 'FROM scratch' }).config).toEqual({ WorkingDir: '/', Env: [PATH] })
  })

  test.each([
    ['an ENTRYPOINT forgets the CMD of the base', 'ENTRYPOINT ["e"]', { Entrypoint: ['e'] }],
    [
      'an ENTRYPOINT keeps the own CMD',
      'CMD ["c"]\nENTRYPOINT ["e"]',
      { Entrypoint: ['e'], Cmd: ['c'], ArgsEscaped: true },
    ],
    ['an empty ENTRYPOINT removes it', 'ENTRYPOINT []', {}],
    ['an empty CMD takes away what was inherited', 'CMD []', { Entrypoint: ['be'], ArgsEscaped: true }],
  ])('%s', (_, lines, expected) => {
    const { Env: _env, ...config } = evaluate(lines, { base: { config: { Cmd: ['bc'], Entrypoint: ['be'] } } }).config
    expect(config).toEqual(expected)
  })

  test('what the base has is kept, and added to', () => {
    const config = {
      Labels: { b: '1', a: '1' },
      ExposedPorts: { '1/tcp': {} },
      Volumes: { '/z': {} },
      User: 'u',
      Shell: ['/bin/ash', '-c'],
    }
    const evaluated = evaluate('LABEL a=2 c=3\nEXPOSE 2\nVOLUME /y\nRUN x', { base: { config } })
    expect(evaluated.config).toMatchObject({
      Labels: { a: '2', b: '1', c: '3' },
      ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
      Volumes: { '/y': {}, '/z': {} },
    })
    expect(Object.keys(evaluated.config.Labels!)).toEqual(['a', 'b', 'c'])
    expect(evaluated.steps.at(-1)).toMatchObject({ user: 'u', argv: ['/bin/ash', '-c', 'x'] })
  })

  test.each([
    ['EXPOSE 80 443/tcp 53/UDP', ['443/tcp', '53/udp', '80/tcp']],
    ['EXPOSE 8000-8002', ['8000/tcp', '8001/tcp', '8002/tcp']],
    ['ENV P="1 2"\nEXPOSE $P', ['1/tcp', '2/tcp']],
    ['EXPOSE 127.0.0.1:8080:80', ['80/tcp']],
  ])('%j', (lines, ports) => {
    expect(Object.keys(evaluate(lines).config.ExposedPorts!)).toEqual(ports)
  })

  test('HEALTHCHECK NONE is said', () => {
    expect(evaluate('HEALTHCHECK NONE').config.Healthcheck).toEqual({ Test: ['NONE'] })
    expect(evaluate('HEALTHCHECK CMD ["a", "b"]').config.Healthcheck).toEqual({ Test: ['CMD', 'a', 'b'] })
  })

  test.each([
    ['STOPSIGNAL SIGNOPE', 'Cannot use signal "SIGNOPE": it is unknown'],
    ['STOPSIGNAL 65', 'Cannot use signal "65": it is unknown'],
    ['EXPOSE 99999', 'Cannot expose port "99999": a port is a number from 0 to 65535'],
    ['EXPOSE 9-1', 'Cannot expose port "9-1": the range ends before it starts'],
    ['EXPOSE 1/icmp', 'Cannot expose port "1/icmp": protocol "icmp" is unknown'],
    ['VOLUME $none', 'Cannot use volume "": its path is empty'],
    ['COPY --chmod=999 a b', 'Cannot use mode "999": it is neither octal nor symbolic'],
    ['COPY <<a/b /x\na/b', 'Cannot use heredoc name "a/b": it is the name of a file'],
    ['RUN <<../x\n#!/bin/sh\n../x', 'Cannot use heredoc name "../x": it is the name of a file'],
    [
      'ADD --checksum=sha256:0 local /x',
      'Cannot check "sha256:0": a checksum needs exactly one source, which must be a URL',
    ],
    ['WORKDIR ${x', 'Cannot expand "${x": "${" has no "}"'],
    ['ENV A="x', 'Cannot expand ""x": a double quote has no end'],
    [`WORKDIR ${'/d'.repeat(2500)}`, `Cannot use WORKDIR "${'/d'.repeat(38)}/...": the path has 5000 bytes`],
  ])('%j is an error at its line', (lines, message) => {
    expect(evaluate(`RUN first\n${lines}`).diagnostics).toMatchObject([
      { severity: 'error', message, at: { file: 'Dockerfile', line: 3 } },
    ])
  })
})

describe('paths', () => {
  test.each([
    ['a b', 'COPY a b', ['a'], '/w/b'],
    ['leaving the root', 'COPY ../../etc/x ../../../y', ['etc/x'], '/y'],
    ['the root', 'COPY . .', ['.'], '/w/'],
    ['the root by a slash', 'COPY / ./', ['.'], '/w/'],
    ['slashes', 'COPY //a///b/ /c//d/', ['a/b'], '/c/d/'],
    ['a dot at the end', 'COPY a/. /c/.', ['a'], '/c/'],
    ['quoted variables', 'ENV D="/x y"\nCOPY a$D "$D"/z', ['a/x y'], '/x y/z'],
    ['JSON', 'COPY ["a b", "c d/"]', ['a b'], '/w/c d/'],
  ])('%s', (_, lines, sources, dest) => {
    expect(lastCopy(`WORKDIR /w\n${lines}`)).toMatchObject({ sources, dest })
  })

  test('WORKDIR / makes no layer', () => {
    expect(evaluate('WORKDIR /').steps).toMatchObject([
      { kind: 'meta', history: { created_by: 'WORKDIR /', empty_layer: true } },
    ])
  })
})

test.each([
  ['RUN echo hi', 'RUN /bin/sh -c echo hi # buildkit'],
  ['RUN ["echo", "a b"]', 'RUN echo a b # buildkit'],
  ['RUN a && \\\n    b', 'RUN /bin/sh -c a &&     b # buildkit'],
  ['RUN <<EOF\na\nb\nEOF', 'RUN /bin/sh -c a\nb\n # buildkit'],
  ['COPY --chown=1:1 --chmod=644 --link a b', 'COPY --chown=1:1 --chmod=644 a b # buildkit'],
  ['ADD a b', 'ADD a b # buildkit'],
  ['ENV A=1 B="x y"', 'ENV A=1 B=x y'],
  ['ENV A x y', 'ENV A=x y'],
  ['ARG A', 'ARG A'],
  ['ARG A=1 B', 'ARG A=1 B'],
  ['LABEL a="b c"', 'LABEL a=b c'],
  ['WORKDIR a', 'WORKDIR /a'],
  ['USER me', 'USER me'],
  ['CMD echo "hi"', 'CMD ["/bin/sh" "-c" "echo \\"hi\\""]'],
  ['CMD ["a\\tb", "é\\u0001"]', 'CMD ["a\\tb" "é\\x01"]'],
  ['ENTRYPOINT []', 'ENTRYPOINT []'],
  ['EXPOSE 80 53/udp', 'EXPOSE [53/udp 80/tcp]'],
  ['VOLUME /a /b', 'VOLUME [/a /b]'],
  ['SHELL ["a", "b"]', 'SHELL [a b]'],
  ['STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGTERM'],
  ['MAINTAINER me', 'MAINTAINER me'],
  ['HEALTHCHECK --interval=1h CMD x', 'HEALTHCHECK &{["CMD-SHELL" "x"] "1h0m0s" "0s" "0s" "0s" \'\\x00\'}'],
])('history of %j', (line, expected) => {
  expect(createdBy(line)).toEqual([expected])
})

test('layers and config changes are told apart', () => {
  const comment = 'buildkit.dockerfile.v0'
  const histories = evaluate('RUN a\nENV A=1\nWORKDIR /x').steps.map(({ history }) => history)
  expect(histories).toEqual([
    { created_by: 'RUN /bin/sh -c a # buildkit', comment },
    { created_by: 'ENV A=1', comment, empty_layer: true },
    { created_by: 'WORKDIR /x', comment },
  ])
})

describe('ONBUILD', () => {
  test('triggers of the base run first, at FROM, and are gone then', () => {
    const OnBuild = ['ENV A=1', 'RUN <<EOF\necho $A\nEOF']
    const { steps, config } = evaluate('RUN own', { base: { config: { OnBuild } } })
    expect(steps.map(({ at, history }) => [at.line, history.created_by])).toEqual([
      [1, 'ENV A=1'],
      [1, 'RUN /bin/sh -c echo $A\n # buildkit'],
      [2, 'RUN /bin/sh -c own # buildkit'],
    ])
    expect(config.OnBuild).toBeUndefined()
  })

  test('own triggers are kept as text and leave no history', () => {
    const { steps, config } = evaluate('ONBUILD COPY a \\\n  b\nonbuild RUN x')
    expect(steps).toEqual([])
    expect(config.OnBuild).toEqual(['COPY a   b', 'RUN x'])
  })

  test('a broken trigger of a base image is an error at FROM', () => {
    const { diagnostics } = evaluate('', { base: { config: { OnBuild: ['NONSENSE', 'FROM x', 'RUN a\nRUN b'] } } })
    expect(diagnostics.map(({ severity, at }) => [severity, at.line])).toEqual([
      ['error', 1],
      ['error', 1],
      ['error', 1],
    ])
  })

  test('a base image that copies from a name nobody knows: an image, with a warning', () => {
    const { steps, diagnostics } = evaluate('', { base: { config: { OnBuild: ['COPY --from=tools /a /b'] } } })
    expect(steps).toMatchObject([{ kind: 'copy', from: { kind: 'image', ref: 'tools' } }])
    expect(diagnostics).toMatchObject([{ severity: 'warning', rule: 'onbuild-from' }])
  })
})

test.each([
  ['a', '././a'],
  ['/a/b/', '././a/b'],
  ['../a', '././a'],
  ['a/./b', 'a/./b'],
  ['./a/./b/./c', 'a/./b/c'],
  ['/./a', '././a'],
  ['a/../b/./../c', 'b/./c'],
  ['.', '././.'],
])('COPY --parents %s: a folder, and what is wanted below it', (written, source) => {
  const { steps } = evaluate(`COPY --parents ${written} /x`)
  expect(steps).toMatchObject([{ kind: 'copy', parents: true, sources: [source] }])
})

test('a pattern of --exclude stays as it is, with a warning when it names a variable', () => {
  const { steps, diagnostics } = evaluate('ARG X=a\nCOPY --exclude=$X --exclude=\\*$ --exclude="${X}b" . /x')
  expect(steps.at(-1)).toMatchObject({ excludes: ['$X', '*$', '${X}b'] })
  expect(diagnostics.map(({ rule, severity, message }) => [rule, severity, message])).toEqual([
    ['exclude-variable', 'warning', '--exclude does not expand variables: "$X" is used as it is written'],
    ['exclude-variable', 'warning', '--exclude does not expand variables: "${X}b" is used as it is written'],
  ])
})

test('what is never executed is said once per thing, with a way out', () => {
  const lines = [
    'RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t true',
    'RUN --network=none --security=insecure --device=vendor/x true',
    'RUN --network=host --security=sandbox true',
    'COPY --link --parents --exclude=*.o a /x',
  ]
  const found = checkSupported(evaluate(lines.join('\n')))
  expect(found.map(({ message, at }) => `${at.line} ${message}`)).toEqual([
    '3 Cannot run RUN --security=insecure: this engine runs every step in a sandbox',
    '3 Cannot run RUN --device=vendor/x: this engine gives steps no devices of the host',
  ])
  expect(found.every(({ hint, severity }) => hint !== undefined && severity === 'error')).toBe(true)
})

test('passwords and tokens of URLs are neither in the history nor in what is shown', () => {
  const { steps } = evaluate(
    'ARG T=secret\nADD https://user:$T@h/f?a=b@c https://$T@h/g http://h/plain ssh://git@h/r.git /x/\nADD --link https://user:secret@h/f /y',
  )
  expect(steps.map(({ text, history }) => [text, history.created_by])).toEqual([
    expect.anything(),
    [
      'ADD https://h/f?a=b@c https://h/g http://h/plain ssh://git@h/r.git /x/',
      'ADD https://h/f?a=b@c https://h/g http://h/plain ssh://git@h/r.git /x/ # buildkit',
    ],
    ['ADD --link https://h/f /y', 'ADD https://h/f /y # buildkit'],
  ])
  expect(steps[1]).toMatchObject({
    remotes: [
      { url: 'https://user:secret@h/f?a=b@c' },
      { url: 'https://secret@h/g' },
      { url: 'http://h/plain' },
      { url: 'ssh://git@h/r.git' },
    ],
  })
})
