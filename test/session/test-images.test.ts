import { expect, test } from 'vitest'
import type { BuiltImage } from '../../src/content/built-image.ts'
import type { Driver, NodeTest } from '../../src/driver/driver.ts'
import type { OpenedNode } from '../../src/driver/opened-node.ts'
import { XbuildError } from '../../src/errors.ts'
import type { BuildEvent } from '../../src/events.ts'
import type { ImageJob, Node } from '../../src/plan/types.ts'
import { parsePlatform } from '../../src/platform.ts'
import { checkTests, testImages, type TestSession } from '../../src/session/test.ts'
import type { SessionRequest } from '../../src/session/types.ts'

const ARM = parsePlatform('linux/arm64')
const machine = (name: string): Node => ({
  ...{ name, endpoint: name, driver: 'buildkit', slots: 1 },
  ...{ native: [ARM], emulated: [] },
})
const opened = (name: string): OpenedNode => ({
  ...{ node: machine(name), tests: true, pushes: false, close: async () => undefined },
  driver: () => Promise.reject(new Error('not wanted')),
})
const built = {
  status: 'done',
  seconds: 1,
  job: { target: ARM, decision: { strategy: { kind: 'native', node: 'one' } } } as unknown as ImageJob,
  image: { config: { config: { Shell: ['/bin/ash', '-c'] } } } as unknown as BuiltImage,
} as const
const request = (...commands: string[]) => ({ options: { test: commands } }) as unknown as SessionRequest

/** Runs commands on the nodes `one` and `two`, of which each does as it is told. */
async function run(commands: readonly string[], nodes: Readonly<Record<string, (test: NodeTest) => Promise<void>>>) {
  const events: BuildEvent[] = []
  const ran: string[] = []
  const edges = {
    tester: undefined,
    nodes: Object.keys(nodes).map(opened),
    drivers: {
      testerAt: async (name: string): Promise<Driver> => ({
        build: () => Promise.reject(new Error('not wanted')),
        close: async () => undefined,
        async test(asked, { onLine }) {
          ran.push(`${name} ${asked.argv.join(' ')}`)
          onLine('a line', 'stdout')
          await nodes[name]!(asked)
        },
      }),
    },
    emit: (event: BuildEvent) => void events.push(event),
    signal: new AbortController().signal,
  } as unknown as TestSession
  const failure = await testImages(request(...commands), { built: [built] }, edges).then(
    () => undefined,
    (error: XbuildError) => error,
  )
  return { events, ran, failure }
}
const lost = async () => Promise.reject(new XbuildError('NODE', 'Cannot use node "one": it is gone'))
const fails = async () =>
  Promise.reject(new XbuildError('RUN_FAILED', 'Cannot run "x": exit code 7', { facts: { exitCode: 7 } }))
const passes = async () => undefined

test('a command runs with the shell of the image on the node that built it, and its lines are those of the test', async () => {
  const { ran, events, failure } = await run(['x'], { two: passes, one: passes })
  expect([ran, failure]).toEqual([['one /bin/ash -c x'], undefined])
  expect(events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type))).toEqual([
    'step.start test  linux/arm64 1',
    'step.log test  linux/arm64 1',
    'step.done test  linux/arm64 1',
  ])
})

test('when a node is lost the next one takes its tests; a command that fails is not tried again', async () => {
  const moved = await run(['x'], { one: lost, two: passes })
  expect([moved.ran, moved.failure]).toEqual([['one /bin/ash -c x', 'two /bin/ash -c x'], undefined])
  expect(moved.events).toContainEqual(
    expect.objectContaining({ message: 'one cannot test linux/arm64, so two does: Cannot use node "one": it is gone' }),
  )
  const failed = await run(['x', '["/y", "z"]'], { one: fails, two: passes })
  expect(failed.ran).toEqual(['one /bin/ash -c x', 'one /y z'])
  expect(failed.failure).toMatchObject({
    code: 'TEST_FAILED',
    message: expect.stringMatching(/^Cannot publish: test "x" of linux\/arm64 failed with exit code 7; test "\["\/y"/),
  })
  expect((await run(['x'], { one: lost })).failure!.message).toContain('it is gone')
})

test('a platform that no machine runs is an error before anything is built', () => {
  const targets = [{ platform: ARM }] as unknown as Parameters<typeof checkTests>[2]
  expect(() => checkTests(request('x'), { tester: undefined, nodes: [opened('one')] }, targets)).not.toThrow()
  expect(() => checkTests(request('x'), { tester: undefined, nodes: [] }, targets)).toThrow(
    'Cannot test linux/arm64: this machine cannot run its programs',
  )
  const none = { ...opened('one'), tests: false }
  expect(() => checkTests(request('x'), { tester: undefined, nodes: [none] }, targets)).toThrow(
    'no machine of the build',
  )
})
