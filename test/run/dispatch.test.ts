import { describe, expect, test } from 'vitest'
import { XbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE } from '../../src/oci/descriptor.ts'
import { parsePlatform, formatPlatform } from '../../src/platform.ts'
import type { BuildEvent } from '../../src/events.ts'
import type { BuiltImage } from '../../src/content/built-image.ts'
import type { Driver } from '../../src/driver/driver.ts'
import type { BuildPlan, ImageJob, Job, Node, StageJob } from '../../src/plan/types.ts'
import { dispatch } from '../../src/run/dispatch.ts'
import { BuildFailedError, settle as settleAll, type JobOutcome } from '../../src/run/outcome.ts'
import { createListener } from '../../src/run/watch.ts'

const image: BuiltImage = {
  descriptor: { mediaType: MEDIA_TYPE.manifest, digest: 'sha256:00', size: 1 },
  config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
  blobs: {
    path: async () => undefined,
    read: async () => Promise.reject(new Error('no blobs')),
    origins: async () => [],
  },
}

function node(name: string, slots: number): Node {
  return { name, endpoint: 'local', driver: 'embedded', native: [parsePlatform('linux/amd64')], emulated: [], slots }
}

function job(platform: string, nodeName = 'here'): ImageJob {
  const target = parsePlatform(platform)
  return {
    kind: 'image',
    id: `image ${platform}`,
    stage: '0',
    needs: [],
    platform: target,
    target,
    decision: { strategy: { kind: 'native', node: nodeName }, reason: 'it is', rejected: [] },
  }
}

function planOf(jobs: readonly Job[]): BuildPlan {
  return { dockerfile: 'Dockerfile', buildPlatform: parsePlatform('linux/amd64'), platforms: [], jobs }
}

/** A driver that builds when the test says so. */
function manualDriver(): Driver & {
  readonly started: string[]
  readonly finished: string[]
  finish(platform: string, error?: unknown): void
} {
  const started: string[] = []
  const finished: string[] = []
  const waiting = new Map<string, { resolve(built: BuiltImage): void; reject(error: unknown): void }>()
  return {
    started,
    finished,
    build: (job) =>
      new Promise((resolve, reject) => {
        const platform = formatPlatform((job as ImageJob).target)
        started.push(platform)
        waiting.set(platform, { resolve, reject })
      }),
    finish(platform, error) {
      finished.push(platform)
      if (error === undefined) waiting.get(platform)!.resolve(image)
      else waiting.get(platform)!.reject(error)
    },
    close: async () => undefined,
  }
}

/** Lets everything happen that can happen now. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

function start(
  jobs: readonly Job[],
  nodes: readonly Node[],
  drivers: Readonly<Record<string, Driver>>,
  limit?: number,
) {
  const stop = new AbortController()
  const events: BuildEvent[] = []
  const listener = createListener((event) => void events.push(event))
  const outcomes = dispatch(planOf(jobs), {
    ...{ nodes, driverFor: (name) => drivers[name]!, signal: stop.signal, listener },
    ...(limit === undefined ? {} : { jobs: limit }),
  })
  return {
    stop,
    events,
    outcomes,
    types: () => events.map((event) => `${event.type} ${'platform' in event ? event.platform : ''}`),
  }
}

test('a node builds as many at a time as it has slots, in the order of the plan; nodes do not wait for each other', async () => {
  const [here, there] = [manualDriver(), manualDriver()]
  const jobs = ['linux/amd64', 'linux/arm64', 'linux/386']
    .map((platform) => job(platform))
    .concat(job('linux/riscv64', 'there'))
  const { outcomes } = start(jobs, [node('here', 2), node('there', 1)], { here, there })
  await settle()
  expect([here.started, there.started]).toEqual([['linux/amd64', 'linux/arm64'], ['linux/riscv64']])
  here.finish('linux/arm64')
  await settle()
  expect(here.started).toEqual(['linux/amd64', 'linux/arm64', 'linux/386'])
  here.finish('linux/amd64')
  here.finish('linux/386')
  there.finish('linux/riscv64')
  expect((await outcomes).map(({ status, job: done }) => `${status} ${formatPlatform(done.target)}`)).toEqual([
    'done linux/amd64',
    'done linux/arm64',
    'done linux/386',
    'done linux/riscv64',
  ])
})

describe('images of one session on two equal nodes', () => {
  const equal = [node('one', 1), node('two', 2)].map((each): Node => ({ ...each, driver: 'buildkit' }))
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/386', 'linux/riscv64', 'linux/s390x', 'linux/ppc64le']
  /** As many as the nodes have slots, the smaller node less. */
  const jobs = platforms.map((platform, at) => job(platform, at % 3 === 0 ? 'one' : 'two'))

  test.each([
    [undefined, 3],
    [1, 1],
    [2, 2],
    [5, 3],
  ])('with --jobs %s, %i are built at a time, and all are built', async (limit, most) => {
    const [one, two] = [manualDriver(), manualDriver()]
    const { outcomes } = start(jobs, equal, { one, two }, limit)
    const counts: number[] = []
    for (let ended = 0; ended < platforms.length; ended++) {
      await settle()
      counts.push(one.started.length + two.started.length - ended)
      expect(one.started.length - one.finished.length).toBeLessThanOrEqual(1)
      expect(two.started.length - two.finished.length).toBeLessThanOrEqual(2)
      const driver = one.started.length > one.finished.length ? one : two
      driver.finish(driver.started.find((platform) => !driver.finished.includes(platform))!)
    }
    expect(Math.max(...counts)).toBe(most)
    expect((await outcomes).map(({ status }) => status)).toEqual(platforms.map(() => 'done'))
  })

  test('--jobs counts the steps of the embedded engine by itself', async () => {
    const [here, one] = [manualDriver(), manualDriver()]
    const { outcomes } = start(
      [job('linux/amd64', 'one'), job('linux/386'), job('linux/arm64')],
      [node('here', 2), equal[0]!],
      { here, one },
      1,
    )
    await settle()
    expect([here.started, one.started]).toEqual([['linux/386', 'linux/arm64'], ['linux/amd64']])
    for (const platform of here.started) here.finish(platform)
    one.finish('linux/amd64')
    await outcomes
  })
})

test('an image with an emulated stage starts as an emulated one, wherever its last stage could run', async () => {
  const here = manualDriver()
  const { outcomes, events } = start(
    [job('linux/amd64'), { ...job('linux/arm64'), emulates: true }],
    [node('here', 2)],
    { here },
  )
  await settle()
  here.finish('linux/amd64')
  here.finish('linux/arm64')
  await outcomes
  expect(
    events.flatMap((event) => (event.type === 'job.start' ? [`${event.platform} ${event.strategy}`] : [])),
  ).toEqual(['linux/amd64 native', 'linux/arm64 emulate'])
})

test('a failure is an outcome; the others go on', async () => {
  const here = manualDriver()
  const { outcomes, types } = start([job('linux/amd64'), job('linux/arm64')], [node('here', 1)], { here })
  await settle()
  here.finish('linux/amd64', new XbuildError('RUN_FAILED', 'broken'))
  await settle()
  here.finish('linux/arm64')
  const [first, second] = await outcomes
  expect(first).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'broken' } })
  expect(second).toMatchObject({ status: 'done', image })
  expect(types()).toEqual([
    'job.start linux/amd64',
    'job.fail linux/amd64',
    'job.start linux/arm64',
    'job.done linux/arm64',
  ])
})

test('whatever a driver throws becomes an error of ours, even when there is no driver', async () => {
  const here = manualDriver()
  const { outcomes } = start([job('linux/amd64'), job('linux/arm64', 'gone')], [node('here', 1), node('gone', 1)], {
    here,
  })
  await settle()
  here.finish('linux/amd64', 'just a text')
  expect(await outcomes).toMatchObject([
    { status: 'failed', error: { code: 'INTERNAL', message: 'just a text' } },
    { status: 'failed', error: { code: 'INTERNAL' } },
  ])
})

test('after an abort nothing is started any more, and what runs is waited for', async () => {
  const here = manualDriver()
  const { outcomes, stop, types } = start([job('linux/amd64'), job('linux/arm64')], [node('here', 1)], { here })
  await settle()
  stop.abort()
  await settle()
  let ended = false
  void outcomes.then(() => (ended = true))
  await settle()
  expect(ended).toBe(false)
  here.finish('linux/amd64', new XbuildError('CANCELED', 'Build canceled'))
  expect(await outcomes).toMatchObject([
    { status: 'failed', error: { code: 'CANCELED' } },
    { status: 'skipped', because: 'canceled' },
  ])
  expect(here.started).toEqual(['linux/amd64'])
  expect(types()).toEqual(['job.start linux/amd64', 'job.fail linux/amd64', 'job.skip linux/arm64'])
})

test('stage jobs are not handed out: the image jobs that need them do them', async () => {
  const here = manualDriver()
  const image64 = job('linux/amd64')
  const { outcomes } = start(
    [{ ...image64, kind: 'stage', id: 'stage build', targets: [image64.target] }, image64],
    [node('here', 4)],
    { here },
  )
  await settle()
  here.finish('linux/amd64')
  expect(await outcomes).toHaveLength(1)
})

test('a job moves when its node is lost, what waits for that node goes elsewhere at once, and the outcome says where it was built', async () => {
  const [here, there] = [manualDriver(), manualDriver()]
  const movable = (platform: string): ImageJob => ({
    ...job(platform),
    alternatives: [{ strategy: { kind: 'emulate', node: 'there', emulator: 'qemu' }, emulates: true }],
  })
  const { outcomes, events, types } = start(
    [movable('linux/amd64'), movable('linux/arm64')],
    [node('here', 1), node('there', 2)],
    { here, there },
  )
  await settle()
  here.finish('linux/amd64', new XbuildError('NODE', 'Cannot reach here: connection reset'))
  await settle()
  await settle()
  expect([here.started, there.started]).toEqual([['linux/amd64'], ['linux/amd64', 'linux/arm64']])
  there.finish('linux/amd64')
  there.finish('linux/arm64', new XbuildError('RUN_FAILED', 'exit code 1'))
  const [first, second] = await outcomes
  expect(first).toMatchObject({
    status: 'done',
    job: {
      emulates: true,
      decision: {
        strategy: { node: 'there' },
        rejected: [{ node: 'here', because: 'Cannot reach here: connection reset' }],
      },
    },
  })
  expect(second).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } })
  expect(events.flatMap((event) => (event.type === 'job.move' ? [`${event.to} ${event.strategy}`] : []))).toEqual([
    'there emulate',
    'there emulate',
  ])
  expect(types().sort()).toEqual([
    'job.done linux/amd64',
    'job.fail linux/arm64',
    'job.move linux/amd64',
    'job.move linux/arm64',
    'job.start linux/amd64',
    'job.start linux/arm64',
  ])
})

test('a job that is out of time fails as such, when its driver has stopped it', async () => {
  const slow: Driver = {
    build: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new XbuildError('CANCELED', 'Build canceled')))
      }),
    close: async () => undefined,
  }
  const { outcomes } = start([{ ...job('linux/amd64'), timeout: 5 }], [node('here', 1)], { here: slow })
  expect(await outcomes).toMatchObject([
    {
      status: 'failed',
      error: { code: 'TIMEOUT', message: 'Cannot build linux/amd64: its time limit of 0.005 s is over' },
    },
  ])
})

describe('a build as a whole', () => {
  const [amd64, arm64] = [job('linux/amd64'), { ...job('linux/arm64'), optional: true as const }]
  const plan = { ...planOf([amd64, arm64]), platforms: [amd64.target, arm64.target] }
  const done = (one: ImageJob): JobOutcome => ({ status: 'done', job: one, image, seconds: 1 })
  const failed = (one: ImageJob): JobOutcome => ({
    status: 'failed',
    job: one,
    error: new XbuildError('RUN_FAILED', 'broken'),
  })
  const { signal } = new AbortController()

  test('succeeds without an optional platform, and says which', () => {
    expect(settleAll(plan, [done(amd64), failed(arm64)], signal)).toMatchObject({
      built: [{ job: amd64 }],
      missing: [{ platform: arm64.target, error: { message: 'broken' } }],
    })
  })

  test('fails with a platform that is not optional, and with nothing at all', () => {
    expect(() => settleAll(plan, [failed(amd64), done(arm64)], signal)).toThrow(
      'Cannot build 1 of 2 platforms: linux/amd64',
    )
    expect(() => settleAll({ ...plan, platforms: [arm64.target] }, [failed(arm64)], signal)).toThrow(BuildFailedError)
  })

  test('knows of platforms that were left out of the plan', () => {
    const unplaced = [{ platform: arm64.target, because: 'nobody runs it' }]
    expect(settleAll({ ...plan, unplaced }, [done(amd64)], signal).missing).toMatchObject([
      { error: { code: 'NO_NODE', message: 'nobody runs it' } },
    ])
  })
})

describe('a stage that other nodes are to have', () => {
  const target = parsePlatform('linux/386')
  const stage: StageJob = {
    ...job('linux/amd64'),
    kind: 'stage',
    id: 'web',
    stage: 'web',
    targets: [target],
    shared: true,
  }
  const taker: ImageJob = { ...job('linux/386', 'there'), needs: ['web'] }
  /** Builds stages when told, images at once; notes what it was given. */
  function nodeOf(build: () => Promise<BuiltImage>): Driver & { readonly given: string[] } {
    const given: string[] = []
    return {
      given,
      build: async (one, { stages = [] }) => {
        given.push(`${one.id}: ${stages.map(({ name }) => name).join()}`)
        return one.kind === 'stage' ? build() : image
      },
      close: async () => undefined,
    }
  }

  test('is built by its node, once, and given to them', async () => {
    const [here, there] = [nodeOf(async () => image), nodeOf(async () => image)]
    const jobs = [
      stage,
      { ...job('linux/amd64'), needs: ['web'] },
      taker,
      { ...taker, id: 'other', target: parsePlatform('linux/arm64') },
    ]
    const { outcomes } = start(jobs, [node('here', 1), node('there', 1)], { here, there })
    expect((await outcomes).map(({ status }) => status)).toEqual(['done', 'done', 'done'])
    expect(here.given.sort()).toEqual(['image linux/amd64: ', 'web: '])
    expect(there.given).toEqual(['image linux/386: web', 'other: web'])
  })

  test('is built by each when its node is lost, and fails all when it is broken', async () => {
    const there = nodeOf(async () => image)
    const lost = start([stage, taker], [node('here', 1), node('there', 1)], {
      here: nodeOf(async () => Promise.reject(new XbuildError('NODE', 'gone'))),
      there,
    })
    expect((await lost.outcomes)[0]).toMatchObject({ status: 'done' })
    expect(there.given).toEqual(['image linux/386: '])
    const broken = start([stage, taker], [node('here', 1), node('there', 1)], {
      here: nodeOf(async () => Promise.reject(new XbuildError('RUN_FAILED', 'exit code 1'))),
      there,
    })
    expect((await broken.outcomes)[0]).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } })
  })
})

test('no jobs give no outcomes', async () => {
  expect(await start([], [node('here', 1)], {}).outcomes).toEqual([])
})

test('a failed build says how many platforms and which, with the code of the first', () => {
  const failures = [
    { platform: 'linux/arm64', error: new XbuildError('RUN_FAILED', 'a') },
    { platform: 'linux/386', error: new XbuildError('REGISTRY', 'b') },
  ]
  expect(new BuildFailedError(failures, 3)).toMatchObject({
    code: 'RUN_FAILED',
    message: 'Cannot build 2 of 3 platforms: linux/arm64, linux/386',
    failures,
  })
  const canceled = new BuildFailedError(
    [...failures, { platform: 'linux/amd64', error: new XbuildError('CANCELED', 'x') }],
    3,
  )
  expect(canceled).toMatchObject({ code: 'CANCELED', message: 'Build canceled', failures: [] })
})

describe('images that are made from each other', () => {
  const named = (name: string, nodeName: string, contexts?: Readonly<Record<string, string>>): ImageJob => ({
    ...job('linux/amd64', nodeName),
    id: `${name} linux/amd64`,
    image: name,
    ...(contexts ? { contexts, needs: Object.values(contexts) } : {}),
  })
  const far: Node = { ...node('far', 1), driver: 'buildkit' }

  test('another engine gets the image under the name of the context; with one slot they do not wait for each other', async () => {
    const given: unknown[] = []
    const driver: Driver = {
      build: async (one, { stages = [] }) => {
        given.push([one.image, stages.map(({ name }) => name)])
        return image
      },
      close: async () => undefined,
    }
    const jobs = [named('base', 'far'), named('top', 'far', { parent: 'base linux/amd64' })]
    const { outcomes } = start(jobs, [far], { far: driver })
    expect((await outcomes).map(({ status }) => status)).toEqual(['done', 'done'])
    expect(given).toEqual([
      ['base', []],
      ['top', ['parent']],
    ])
  })

  test('what is made from an image that failed is not begun', async () => {
    const driver: Driver = {
      build: async ({ image: name }) => {
        if (name === 'base') throw new XbuildError('RUN_FAILED', 'it failed')
        throw new Error('not to be built')
      },
      close: async () => undefined,
    }
    const jobs = [named('base', 'far'), named('top', 'far', { parent: 'base linux/amd64' })]
    const { outcomes, events } = start(jobs, [far], { far: driver })
    expect((await outcomes).map((one) => one.status === 'failed' && one.error.message)).toEqual([
      'it failed',
      'Cannot use "target:base": it failed',
    ])
    expect(events.flatMap((event) => (event.type === 'job.fail' ? [event.image] : []))).toEqual(['base', 'top'])
  })

  test('steps of other engines get ids and names of their image; two images may have equal steps there', async () => {
    const driver: Driver = {
      build: async (_, { emit }) => {
        emit({ type: 'step.start', step: 'same', name: 'RUN make', platforms: ['linux/amd64'], at: 1 })
        emit({ type: 'step.done', step: 'same', cached: false, at: 2 })
        return image
      },
      close: async () => undefined,
    }
    const { outcomes, events } = start([named('a', 'far'), named('b', 'far')], [far], { far: driver })
    await outcomes
    expect(events.flatMap((event) => ('step' in event ? [[event.type, event.step]] : []))).toEqual([
      ['step.start', 'a same'],
      ['step.done', 'a same'],
      ['step.start', 'b same'],
      ['step.done', 'b same'],
    ])
    expect(events.flatMap((event) => (event.type === 'step.start' ? [event.images] : []))).toEqual([['a'], ['b']])
  })
})
