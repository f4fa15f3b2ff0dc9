import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { describe, expect, test } from 'vitest'
import { frontendAttributes } from '../../../src/driver/buildkit/attributes.ts'
import { ABILITY, checkAbilities } from '../../../src/driver/buildkit/facts.ts'
import { failureOf } from '../../../src/driver/buildkit/failure.ts'
import { StatusResponseSchema } from '../../../src/driver/buildkit/gen/control_pb.ts'
import { GrpcFailure } from '../../../src/driver/buildkit/grpc/status.ts'
import { createProgress } from '../../../src/driver/buildkit/progress.ts'
import type { CompleteOptions } from '../../../src/config/options.ts'
import type { BuildEvent } from '../../../src/events.ts'
import type { RemoteBuild } from '../../../src/driver/remote-build.ts'
import { DEFAULTS, imageJob } from '../../support/buildkit-node.ts'

const signal = new AbortController().signal
const dockerfile = { text: 'FROM scratch\nRUN make \\\n  all\nRUN false\n', shown: 'Dockerfile' }
const source = { type: 'errdefs.Source', value: { ranges: [{ start: { line: 2 }, end: { line: 3 } }] } }

describe('an error of a daemon', () => {
  test.each([
    [
      'process "/bin/sh -c echo \\"x\\"; exit 3" did not complete successfully: exit code: 3',
      2,
      [source],
      {
        code: 'RUN_FAILED',
        message: 'Cannot run "/bin/sh -c echo "x"; exit 3": exit code 3',
        at: { line: 2, endLine: 3 },
      },
    ],
    ['executor failed running [/bin/sh -c false]: exit code: 1', 2, [], { code: 'RUN_FAILED', at: { line: 4 } }],
    [
      'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: FOO',
      2,
      [],
      { code: 'BAD_DOCKERFILE', at: { line: 3 } },
    ],
    ['failed to solve: write /x: no space left on device', 2, [], { code: 'NODE' }],
    ['no active session for abc: context deadline exceeded', 2, [], { code: 'NODE' }],
    ['pull access denied, repository does not exist or may require authorization', 2, [], { code: 'AUTH' }],
    [
      'failed to do request: Head "http://127.0.0.1:1/v2": dial tcp 127.0.0.1:1: connect: connection refused',
      2,
      [],
      { code: 'REGISTRY' },
    ],
    ['no match for platform in manifest sha256:1: not found', 2, [], { code: 'NO_PLATFORM' }],
    [
      'failed to compute cache key: "/missing": not found',
      2,
      [source],
      { code: 'NOT_FOUND', message: 'Cannot build: failed to compute cache key: "/missing": not found' },
    ],
    // The daemon stops the other steps when one fails, and may tell the end of one of those
    [
      'failed to solve: failed to compute cache key: context canceled',
      2,
      [source],
      { code: 'NOT_FOUND', message: 'Cannot build: failed to compute cache key: "/lost": not found' },
    ],
    ['the connection broke', 14, [], { code: 'NODE' }],
    ['unknown service', 12, [], { code: 'UNSUPPORTED' }],
    ['something new', 2, [], { code: 'UNSUPPORTED' }],
  ])('%s', (message, code, details, expected) => {
    const error = failureOf(new GrpcFailure(code, message, { details }), {
      endpoint: 'unix:///x',
      signal,
      dockerfile,
      step: { name: '[2/2] RUN false', error: 'failed to compute cache key: "/lost": not found', output: ['last'] },
    })
    expect(error).toMatchObject(expected)
  })

  test("of a program that QEMU ran is the emulator's when it crashed", () => {
    const crash = new GrpcFailure(2, 'process "/bin/sh -c x" did not complete successfully: exit code: 139')
    expect(failureOf(crash, { endpoint: 'x', signal, emulated: true })).toMatchObject({ code: 'EMULATOR' })
    expect(failureOf(crash, { endpoint: 'x', signal, emulated: false })).toMatchObject({ code: 'RUN_FAILED' })
  })

  test('is a lost node when everything was stopped and nothing failed', () => {
    expect(failureOf(new GrpcFailure(1, 'context canceled'), { endpoint: 'x', signal })).toMatchObject({ code: 'NODE' })
  })

  test('after an abort is the abort', () => {
    expect(
      failureOf(new GrpcFailure(1, 'context canceled'), { endpoint: 'x', signal: AbortSignal.abort() }),
    ).toMatchObject({ code: 'CANCELED' })
  })
})

describe('progress', () => {
  const at = timestampFromMs(1000)
  const vertex = (extra: object) => ({ digest: 'sha256:1', name: '[build 2/3] RUN make', started: at, ...extra })
  function follow() {
    const events: BuildEvent[] = []
    const progress = createProgress()
    const start = (to = events) =>
      progress.follow({
        emit: (event) => void to.push(event),
        platform: 'linux/arm64',
        dockerfile: 'Dockerfile',
        emulated: false,
      })
    const take = (told: ReturnType<typeof start>, status: MessageInitShape<typeof StatusResponseSchema>) =>
      told.take(create(StatusResponseSchema, status))
    return { events, start, take }
  }
  const log = (text: string | Uint8Array, stream = 1n) => ({
    vertex: 'sha256:1',
    stream,
    msg: typeof text === 'string' ? Buffer.from(text) : text,
    timestamp: at,
  })

  test('tells a step that is opened twice once, with its platform, and lines as they were written', () => {
    const { events, start, take } = follow()
    const told = start()
    take(told, { vertexes: [vertex({ completed: at })] })
    take(told, {
      vertexes: [vertex({})],
      logs: [
        log('one\ntw'),
        log('err\r\n', 2n),
        log('o\n'),
        log(Buffer.from('gr\u00fc').subarray(0, 3)),
        log(Buffer.from('\u00fcn').subarray(1)),
      ],
    })
    take(told, { vertexes: [vertex({ completed: at })] })
    told.end()
    expect(
      events.map((event) =>
        'line' in event ? `${event.stream} ${event.line}` : 'name' in event ? event.name : event.type,
      ),
    ).toEqual([
      '[linux/arm64 build 2/3] RUN make',
      'stdout one',
      'stderr err',
      'stdout two',
      'stdout gr\u00fcn',
      'step.done',
    ])
  })

  test('keeps the last lines of a step that failed', () => {
    const { events, start, take } = follow()
    const told = start()
    take(told, {
      vertexes: [vertex({ completed: at, error: 'process "x" did not complete successfully: exit code: 7' })],
      logs: [],
    })
    expect(events.at(-1)).toMatchObject({ type: 'step.fail', error: { code: 'RUN_FAILED' } })
    expect(told.failed()).toMatchObject({ name: '[build 2/3] RUN make', output: [] })
  })

  test('tells what two builds share once, and goes on when the first is stopped', () => {
    const { events, start, take } = follow()
    const [first, second] = [start(), start()]
    take(first, { vertexes: [vertex({})] })
    take(second, { vertexes: [vertex({})], logs: [log('twice\n')] })
    take(first, { logs: [log('twice\n')] })
    first.end()
    take(second, { vertexes: [vertex({})] })
    take(second, { vertexes: [vertex({ completed: at })] })
    second.end()
    expect(events.map(({ type }) => type)).toEqual(['step.start', 'step.log', 'step.fail', 'step.start', 'step.done'])
  })

  test('knows what the daemon found under the names of images, and takes no other text for it', () => {
    const { start, take } = follow()
    const told = start()
    const digest = (letter: string) => `sha256:${letter.repeat(64)}`
    const names = [
      `[1/3] FROM docker.io/library/debian:13@${digest('a')}`,
      `[linux/arm64 build 1/2] FROM 127.0.0.1:5000/base:1@${digest('b')}`,
      `FROM docker.io/library/copied:1@${digest('c')}`,
      `[context named] docker-image://registry.example/named:1@${digest('d')}`,
      `[2/3] RUN fetch docker.io/library/other:1@${digest('e')}`,
      `docker.io/library/debian:13 is not ${digest('f')}`,
    ]
    take(told, { vertexes: names.map((name, index) => vertex({ digest: `sha256:${index}`, name })) })
    expect(told.bases()).toEqual({
      'docker.io/library/debian:13': digest('a'),
      '127.0.0.1:5000/base:1': digest('b'),
      'docker.io/library/copied:1': digest('c'),
      'registry.example/named:1': digest('d'),
    })
    told.end()
  })

  test('names of foreign stages keep their platform', () => {
    const { events, start, take } = follow()
    take(start(), {
      vertexes: ['[linux/amd64 build 1/2] RUN a', '[2/2] COPY', '[internal] load metadata for x', 'exporting'].map(
        (name, index) => vertex({ digest: `${index}`, name }),
      ),
    })
    expect(events.map((event) => 'name' in event && event.name)).toEqual([
      '[linux/amd64 build 1/2] RUN a',
      '[linux/arm64 2/2] COPY',
      '[internal] load metadata for x',
      'exporting',
    ])
  })

  test('checks are told by xbuild itself; other warnings come through; a wrong base image is an error', () => {
    const { events, start, take } = follow()
    const told = start()
    const warning = (short: string, url: string) => ({
      short: Buffer.from(short),
      url,
      ranges: [{ start: { line: 5 } }],
    })
    take(told, {
      warnings: [
        warning('StageNameCasing: x (line 5)', 'https://docs.docker.com/go/dockerfile/rule/stage-name-casing/'),
        warning('something else', ''),
      ],
    })
    expect(events).toMatchObject([{ type: 'warning', message: 'something else', source: { line: 5 } }])
    expect(told.refused()).toBeUndefined()
    take(told, {
      warnings: [
        warning(
          'InvalidBaseImagePlatform: Base image b was pulled with platform "linux/amd64" (line 5)',
          'https://x/rule/y',
        ),
      ],
    })
    expect(told.refused()).toMatchObject({ code: 'NO_PLATFORM', at: { file: 'Dockerfile', line: 5 } })
  })
})

describe('a job', () => {
  const { network: _, ...defaults } = DEFAULTS
  const options = (more: Partial<CompleteOptions>): CompleteOptions => ({ ...defaults, ...more })
  const build = (more: Partial<CompleteOptions>, context: RemoteBuild['context'] = { kind: 'nothing' }) =>
    ({ options: options(more), dockerfile, context }) as RemoteBuild

  test('is told to the frontend in its words', () => {
    const more = {
      target: 't',
      buildArgs: { A: '1' },
      labels: { l: 'v' },
      noCacheFilter: ['one', 'two'],
      addHosts: [{ name: 'h', ip: '::1' }],
      ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
      shmSize: 1024,
      network: 'none',
      sourceDateEpoch: 5,
    } as const
    expect(frontendAttributes(imageJob('linux/arm/v7'), build(more), { ownImages: true })).toEqual({
      filename: 'Dockerfile',
      dockerfilekey: 'dockerfile',
      contextkey: 'context',
      platform: 'linux/arm/v7',
      target: 't',
      'build-arg:A': '1',
      'build-arg:SOURCE_DATE_EPOCH': '5',
      'label:l': 'v',
      'no-cache': 'one,two',
      'add-hosts': 'h=::1',
      ulimit: 'nofile=1:2',
      'shm-size': '1024',
      'force-network-mode': 'none',
      'image-resolve-mode': 'local',
    })
  })

  test('names contexts that the daemon gets elsewhere', () => {
    expect(
      frontendAttributes(imageJob('linux/amd64'), build({ noCache: true }, { kind: 'url', url: 'https://x/y.git#z' }), {
        ownImages: false,
      }),
    ).toMatchObject({ context: 'https://x/y.git#z', 'no-cache': '' })
    expect(
      frontendAttributes(imageJob('linux/amd64'), build({ pull: true }, { kind: 'archive', file: '/x' }), {
        ownImages: true,
      }),
    ).toMatchObject({ context: 'http://buildkit-session/context.tar', 'image-resolve-mode': 'pull' })
  })

  test('that asks for what a daemon does not know is refused', () => {
    const old = { platforms: [], givesOci: false, abilities: new Set<string>() }
    expect(() =>
      checkAbilities(options({ shmSize: 1, ulimits: [{ name: 'core', soft: 0, hard: 0 }] }), old, 'unix:///x'),
    ).toThrow('too old for --ulimit, --shm-size')
    expect(() =>
      checkAbilities(options({ shmSize: 1 }), { ...old, abilities: new Set([ABILITY.shmSize]) }, 'unix:///x'),
    ).not.toThrow()
  })
})
