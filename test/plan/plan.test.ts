import { describe, expect, test } from 'vitest'
import type { GraphStage, Instruction, StageGraph } from '../../src/dockerfile/types.ts'
import { XbuildError } from '../../src/errors.ts'
import { planBuild } from '../../src/plan/plan.ts'
import type { BuildPlan, Emulated, Job, Node } from '../../src/plan/types.ts'
import { formatPlatform, parsePlatform } from '../../src/platform.ts'

const amd64 = parsePlatform('linux/amd64')
const local: Node = {
  name: 'local',
  endpoint: 'local',
  driver: 'embedded',
  native: [amd64, parsePlatform('linux/386')],
  emulated: [ready('linux/arm64'), ready('linux/arm/v7'), missing('linux/riscv64')],
  slots: 4,
}
const board: Node = { ...local, name: 'board', endpoint: 'board', native: [parsePlatform('linux/arm64')], emulated: [] }

function ready(platform: string): Emulated {
  return { platform: parsePlatform(platform), status: 'ready', emulator: 'qemu 7.2' }
}

function missing(platform: string): Emulated {
  return {
    platform: parsePlatform(platform),
    status: 'missing',
    reason: 'qemu-riscv64-static is not on PATH',
    hint: 'Install QEMU',
  }
}

/**
 * A stage in short: `on` is `build` for FROM --platform=$BUILDPLATFORM; `told` says that it knows the target
 * platform.
 */
interface Short {
  readonly name?: string
  readonly on?: 'build'
  readonly told?: boolean
  readonly runs?: boolean
  readonly needs?: readonly number[]
  /** The stage it is built on. */
  readonly from?: number
}

function graph(target: string, stages: readonly Short[], buildPlatform = amd64): StageGraph {
  const platform = parsePlatform(target)
  const depends = stages.map(() => false)
  const graphStages = stages.map(({ name, on, told, runs = true, needs = [], from: parent }, index): GraphStage => {
    const own = on === 'build' ? buildPlatform : platform
    depends[index] = told === true || on !== 'build' || needs.some((need) => depends[need])
    const from = {
      kind: 'from',
      image: 'scratch',
      text: 'FROM scratch',
      at: { file: 'Dockerfile', line: index * 10 + 1 },
    } as const
    const run: Instruction = {
      kind: 'run',
      command: { form: 'exec', argv: ['true'] },
      mounts: [],
      devices: [],
      text: 'RUN true',
      at: { file: 'Dockerfile', line: index * 10 + 2 },
    }
    return {
      index,
      ...(name ? { name } : {}),
      stage: { index, from, instructions: runs ? [run] : [] },
      platform: own,
      base: parent === undefined ? { kind: 'scratch' } : { kind: 'stage', index: parent },
      froms: {},
      needs,
      args: { global: {}, build: {} },
      fingerprint: `${index} ${depends[index] ? formatPlatform(platform) : 'all'}`,
    }
  })
  return { target: platform, buildPlatform, stages: graphStages, targetStage: stages.length - 1 }
}

function plan(platforms: readonly string[], stages: readonly Short[], nodes: readonly Node[] = [local]): BuildPlan {
  return planBuild({
    dockerfile: 'Dockerfile',
    buildPlatform: amd64,
    graphs: platforms.map((platform) => graph(platform, stages)),
    nodes,
  })
}

function shown({ id, decision: { strategy } }: Job): string {
  return `${id} ${strategy.kind} ${strategy.node}`
}

function refusal(run: () => unknown): XbuildError {
  try {
    run()
  } catch (error) {
    if (error instanceof XbuildError) return error
  }
  throw new Error('not refused')
}

test.each([
  [0.64, /; in earlier builds about 65 % of the CPU time was native$/],
  [undefined, /: cc1 \(gcc-14\) abc$/],
])('a plan says what earlier builds came to: %s', (share, reason) => {
  const toolchains = { packs: ['cc1 (gcc-14) abc'], refused: [], ...(share === undefined ? {} : { share }) }
  const [arm] = local.emulated
  const node = { ...local, emulated: [{ ...arm!, toolchains } as Emulated] }
  expect(plan(['linux/arm64'], [{}], [node]).jobs[0]!.decision.reason).toMatch(reason)
})

describe('strategies', () => {
  test.each<[string, string[], Short[], string[]]>([
    ['own platform', ['linux/amd64'], [{}], ['linux/amd64 native local']],
    ['32-bit sibling', ['linux/386'], [{}], ['linux/386 native local']],
    ['foreign platform', ['linux/arm64'], [{}], ['linux/arm64 emulate local']],
    ['two platforms', ['linux/amd64', 'linux/arm64'], [{}], ['linux/amd64 native local', 'linux/arm64 emulate local']],
    ['foreign platform, nothing runs', ['linux/arm64'], [{ runs: false }], ['linux/arm64 native local']],
    ['no emulator, nothing runs', ['linux/riscv64'], [{ runs: false }], ['linux/riscv64 native local']],
    ['never probed, nothing runs', ['windows/amd64'], [{ runs: false }], ['windows/amd64 native local']],
    [
      'a stage on the build platform that knows its target',
      ['linux/amd64', 'linux/arm64'],
      [
        { name: 'build', on: 'build', told: true },
        { needs: [0], runs: false },
      ],
      [
        'build@linux/amd64 native local',
        'linux/amd64 native local',
        'build@linux/amd64>linux/arm64 cross local',
        'linux/arm64 native local',
      ],
    ],
    [
      'a stage that no target tells apart',
      ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
      [{ name: 'assets', on: 'build' }, { needs: [0] }],
      [
        'assets@linux/amd64>linux/amd64,linux/arm64,linux/arm/v7 cross local',
        'linux/amd64 native local',
        'linux/arm64 emulate local',
        'linux/arm/v7 emulate local',
      ],
    ],
    [
      'an image made on the build platform',
      ['linux/arm64'],
      [{ on: 'build', told: true }],
      ['linux/arm64 cross local'],
    ],
    [
      'a neutral stage for the build platform alone',
      ['linux/amd64'],
      [{ on: 'build' }, { needs: [0] }],
      ['0@linux/amd64 native local', 'linux/amd64 native local'],
    ],
  ])('%s', (_, platforms, stages, expected) => {
    expect(plan(platforms, stages).jobs.map(shown)).toEqual(expected)
  })

  test('carry a reason and what was rejected', () => {
    const [job] = plan(['linux/arm64'], [{}]).jobs
    expect(job!.decision).toEqual({
      strategy: { kind: 'emulate', node: 'local', emulator: 'qemu 7.2' },
      reason: 'a linux/arm64 program ran under qemu 7.2',
      rejected: [
        { kind: 'native', node: 'local', because: 'its CPU runs linux/amd64, linux/386' },
        { kind: 'cross', node: 'local', because: 'FROM does not name the build platform' },
      ],
    })
  })

  test('say when nothing runs', () => {
    expect(plan(['linux/arm64'], [{ runs: false }]).jobs[0]!.decision.reason).toBe('nothing runs')
  })
})

describe('several nodes', () => {
  test('a native node wins over an emulator, and the plan says so', () => {
    const [job] = plan(['linux/arm64'], [{}], [local, board]).jobs
    expect(job!.decision.strategy).toEqual({ kind: 'native', node: 'board' })
    expect(job!.decision.rejected).toContainEqual({
      kind: 'emulate',
      node: 'local',
      because: 'board does better: native',
    })
  })

  test('equal nodes share the images by their slots; a node takes an image with all of its stages', () => {
    const native = [
      'linux/amd64',
      'linux/386',
      'linux/amd64/v2',
      'linux/amd64/v3',
      'linux/amd64/v4',
      'linux/arm/v5',
    ].map((text) => parsePlatform(text))
    const [one, two] = [
      { ...local, native, slots: 1 },
      { ...local, name: 'twin', native, slots: 2 },
    ]
    const { jobs } = plan(native.map(formatPlatform), [{}, { needs: [0] }], [one, two])
    const used = jobs.map(({ decision }) => decision.strategy.node)
    expect(used.filter((node) => node === 'local')).toHaveLength(4)
    expect(used.filter((node) => node === 'twin')).toHaveLength(8)
    for (const job of jobs)
      for (const need of job.needs)
        expect(jobs.find(({ id }) => id === need)!.decision.strategy.node).toBe(job.decision.strategy.node)
  })

  test('a stage without RUN stays on a node of its platform', () => {
    expect(plan(['linux/arm64'], [{ runs: false }], [local, board]).jobs.map(shown)).toEqual([
      'linux/arm64 native board',
    ])
  })
})

describe('jobs', () => {
  const stages: Short[] = [
    { name: 'a', on: 'build' },
    { name: 'b', on: 'build', told: true, needs: [0] },
    { needs: [0, 1] },
  ]

  test('come after what they need, and need each other by id', () => {
    const { jobs } = plan(['linux/amd64', 'linux/arm64'], stages)
    const seen = new Set<string>()
    for (const job of jobs) {
      expect([...seen]).toEqual(expect.arrayContaining([...job.needs]))
      seen.add(job.id)
    }
    expect(seen.size).toBe(jobs.length)
    expect(jobs.at(-1)!.needs).toEqual(['a@linux/amd64>linux/amd64,linux/arm64', 'b@linux/amd64>linux/arm64'])
  })

  test('of the same platform twice are one', () => {
    expect(plan(['linux/amd64', 'linux/amd64/v1'], [{}])).toEqual(plan(['linux/amd64'], [{}]))
  })

  test('are plain JSON and the same every time', () => {
    const first = plan(['linux/amd64', 'linux/arm64'], stages)
    expect(JSON.parse(JSON.stringify(first))).toEqual(first)
    expect(JSON.stringify(plan(['linux/amd64', 'linux/arm64'], stages))).toBe(JSON.stringify(first))
  })

  test('of 200 stages for 4 platforms', () => {
    const chain = Array.from(
      { length: 200 },
      (_, index): Short => ({
        ...(index % 2 ? {} : { on: 'build' as const }),
        needs: index > 1 ? [index - 1, index - 2] : [],
      }),
    )
    const { jobs } = plan(['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/386'], chain)
    expect(jobs).toHaveLength(1 + 199 * 4) // only stage 0 is neutral: every other one reads from stage 1
  })
})

describe('a platform that nobody can run', () => {
  test('is named with every node, every reason, and the way out', () => {
    const error = refusal(() => plan(['linux/amd64', 'linux/riscv64'], [{}], [local, board]))
    expect(error.code).toBe('NO_NODE')
    expect(error.message).toBe(
      'Cannot place linux/riscv64: none of 2 nodes can run it ' +
        '(local: its CPU runs linux/amd64, linux/386, qemu-riscv64-static is not on PATH; ' +
        'board: its CPU runs linux/arm64, no emulator for linux/riscv64 was looked for)',
    )
    expect(error.hint).toBe('Install QEMU')
    expect(error.at).toEqual({ file: 'Dockerfile', line: 2 })
  })

  test('is not alone when there are more: one error names them all, each once', () => {
    const error = refusal(() => plan(['linux/riscv64', 'linux/s390x'], [{ name: 'a' }, { needs: [0] }]))
    expect(error.message).toMatch(
      /^Cannot place linux\/riscv64, linux\/s390x: the only node cannot run it \(linux\/riscv64: local: /,
    )
  })

  test('points at the RUN that needs it', () => {
    const error = refusal(() => plan(['linux/riscv64'], [{ runs: false }, { needs: [0] }]))
    expect(error.at).toEqual({ file: 'Dockerfile', line: 12 })
  })

  test('is any platform without nodes', () => {
    expect(refusal(() => plan(['linux/amd64'], [{ runs: false }], [])).code).toBe('NO_NODE')
  })
})

describe('a stage that several nodes need', () => {
  const one: Node = { ...local, name: 'one', takesStages: true, slots: 1 }
  const two: Node = { ...one, name: 'two' }
  const arm: Node = { ...board, takesStages: true }
  /** The graphs as nodes of both kinds see them. */
  const both = (platforms: readonly string[], stages: readonly Short[], nodes: readonly Node[]): string[] => {
    const graphs = platforms.flatMap((platform) => [
      graph(platform, stages),
      graph(platform, stages, parsePlatform('linux/arm64')),
    ])
    return planBuild({ dockerfile: 'Dockerfile', buildPlatform: amd64, graphs, nodes }).jobs.map(
      (job) =>
        `${job.id} ${job.decision.strategy.node}${job.kind === 'stage' && job.shared ? ' shared' : ''}${job.needs.length > 0 ? ` after ${job.needs.join(' and ')}` : ''}`,
    )
  }
  const web: Short[] = [{ name: 'web', on: 'build' }, { needs: [0] }]

  test.each<[string, string[], Short[], Node[], string[]]>([
    [
      'is built once, and handed over',
      ['linux/amd64', 'linux/386'],
      web,
      [one, two],
      [
        'web@linux/amd64>linux/amd64,linux/386 one shared',
        'linux/amd64 one after web@linux/amd64>linux/amd64,linux/386',
        'linux/386 two after web@linux/amd64>linux/amd64,linux/386',
      ],
    ],
    [
      'also to a machine of another kind, which takes its files',
      ['linux/amd64', 'linux/arm64'],
      web,
      [one, arm],
      [
        'web@linux/amd64>linux/amd64,linux/arm64 one shared',
        'linux/amd64 one after web@linux/amd64>linux/amd64,linux/arm64',
        'linux/arm64 board after web@linux/amd64>linux/amd64,linux/arm64',
      ],
    ],
    [
      'but not to be built on there: its programs are of the wrong kind',
      ['linux/amd64', 'linux/arm64'],
      [...web.slice(0, 1), { name: 'more', on: 'build', needs: [0], from: 0 }, { needs: [1] }],
      [one, arm],
      [
        'web@linux/amd64 one',
        'more@linux/amd64>linux/amd64,linux/arm64 one shared after web@linux/amd64',
        'linux/amd64 one after more@linux/amd64>linux/amd64,linux/arm64',
        'linux/arm64 board after more@linux/amd64>linux/amd64,linux/arm64',
      ],
    ],
    [
      'is not handed to a node that cannot take it',
      ['linux/amd64', 'linux/386'],
      web,
      [one, { ...two, takesStages: false }],
      [
        'web@linux/amd64>linux/386,linux/amd64 two shared',
        'linux/386 two after web@linux/amd64>linux/386,linux/amd64',
        'linux/amd64 one after web@linux/amd64>linux/386,linux/amd64',
      ],
    ],
    [
      'is built everywhere when it has no name',
      ['linux/amd64', 'linux/386'],
      [{ on: 'build' }, { needs: [0] }],
      [one, two],
      [
        '0@linux/amd64 one',
        'linux/amd64 one after 0@linux/amd64',
        '0@linux/amd64>linux/386 two',
        'linux/386 two after 0@linux/amd64>linux/386',
      ],
    ],
    [
      'is built everywhere when it has no RUN',
      ['linux/amd64', 'linux/386'],
      [{ name: 'web', on: 'build', runs: false }, { needs: [0] }],
      [one, two],
      [
        'web@linux/amd64 one',
        'linux/amd64 one after web@linux/amd64',
        'web@linux/amd64>linux/386 two',
        'linux/386 two after web@linux/amd64>linux/386',
      ],
    ],
    [
      'is built for each when it knows its target',
      ['linux/amd64', 'linux/386'],
      [{ name: 'app', on: 'build', told: true }, { needs: [0] }],
      [one, two],
      [
        'app@linux/amd64 one',
        'linux/amd64 one after app@linux/amd64',
        'app@linux/amd64>linux/386 two',
        'linux/386 two after app@linux/amd64>linux/386',
      ],
    ],
  ])('%s', (_, platforms, stages, nodes, expected) => {
    expect(both(platforms, stages, nodes)).toEqual(expected)
  })

  test('says why in the plan', () => {
    const { jobs } = plan(['linux/amd64', 'linux/386'], web, [one, two])
    expect(jobs[0]!.decision.reason).toMatch(
      /built once and copied to other nodes, because it has a RUN, and images on several nodes need it/,
    )
  })
})

describe('among equal nodes', () => {
  const [one, two] = [
    { ...local, name: 'one' },
    { ...local, name: 'two' },
  ]
  const facts = (extra: object) => [{ platform: amd64, variant: '', overrides: [], optional: false, ...extra }]

  test('the one that built it last time has the cache', () => {
    const made = planBuild({
      dockerfile: 'Dockerfile',
      buildPlatform: amd64,
      graphs: [graph('linux/amd64', [{}])],
      nodes: [one, two],
      targets: facts({ last: 'two' }),
    })
    expect(made.jobs[0]!.decision).toMatchObject({
      strategy: { node: 'two' },
      rejected: [{ node: 'one', because: 'two built it last time' }],
    })
    expect(made.jobs[0]).toMatchObject({ alternatives: [{ strategy: { kind: 'native', node: 'one' } }] })
  })

  test('an optional platform that nobody runs is left out, and a lost node is named', () => {
    const graphs = [graph('linux/amd64', [{}]), graph('linux/riscv64', [{}])]
    const targets = [
      ...facts({}),
      { platform: parsePlatform('linux/riscv64'), variant: '', overrides: [], optional: true },
    ]
    const made = planBuild({
      dockerfile: 'Dockerfile',
      buildPlatform: amd64,
      graphs,
      nodes: [one],
      targets,
      lost: [{ name: 'gone', because: 'no answer' }],
    })
    expect(made.unplaced).toMatchObject([
      { because: expect.stringMatching(/^Cannot place linux\/riscv64: .*; gone: no answer\)$/) },
    ])
    expect(made.jobs.map(({ id }) => id)).toEqual(['linux/amd64'])
  })
})
