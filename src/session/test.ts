import { compact } from '../compact.ts'
import type { BuiltImage } from '../content/built-image.ts'
import { testArgv } from '../content/test-command.ts'
import type { TestOptions } from '../driver/driver.ts'
import type { ImageTest } from '../engine/run-test.ts'
import type { EngineServices } from '../engine/services.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { openMachineFacts } from '../host/machine-facts.ts'
import { once } from '../host/once.ts'
import { forEachLimited } from '../host/pool.ts'
import type { TargetId } from '../plan/target-id.ts'
import type { ImageJob } from '../plan/types.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { Settled } from '../run/outcome.ts'
import { formatDuration } from '../run/watch.ts'
import type { Drivers } from './drivers.ts'
import { isNativeOn, machinesFor, type TestMachines } from './test-machines.ts'
import type { SessionRequest } from './types.ts'

/** What tests look at beside the images. */
export interface TestSession extends TestMachines {
  readonly services: EngineServices
  readonly drivers: Pick<Drivers, 'testerAt'>
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Commands at a time, over all platforms of an image. */
const AT_A_TIME = 4

/** Whether anything is to be run in the finished images. */
function hasTests({ test = [] }: SessionRequest['options']): boolean {
  return test.length > 0
}

/** Before anything is built: some machine can run the programs of every platform. Throws NO_NODE. */
export function checkTests(
  { image, options }: SessionRequest,
  machines: TestMachines,
  targets: readonly TargetId[],
): void {
  if (!hasTests(options)) return
  for (const target of targets) {
    if (target.image !== image || machinesFor(target.platform, machines).length > 0) continue
    const platform = formatPlatform(target.platform)
    const who = machines.nodes.length > 0 ? 'no machine of the build can' : 'this machine cannot'
    throw new XbuildError('NO_NODE', `Cannot test ${platform}: ${who} run its programs`, {
      hint: 'Install QEMU (Debian, Ubuntu: apt-get install qemu-user-static), add a node that runs them, or build without --test',
    })
  }
}

/**
 * Runs every command in the image of every platform, on the machine that built it where that can run its programs. All
 * failures are told; nothing of the image was published by then. Throws TEST_FAILED.
 */
export async function testImages(
  request: SessionRequest,
  { built }: Pick<Settled, 'built'>,
  edges: TestSession,
): Promise<void> {
  const { image: name, options } = request
  const { emit, signal } = edges
  const { test: commands = [], timeout } = options
  if (commands.length === 0) return
  const here = once(() => openTestsHere(options, edges))
  const tests = built.flatMap(({ job, image }) =>
    commands.map((command, index) => ({ job, image, command, number: index + 1 })),
  )
  const failed = new Map<number, { readonly what: string; readonly error: XbuildError }>()
  await forEachLimited([...tests.entries()], { limit: AT_A_TIME, signal }, async ([index, test]) => {
    const { command, number } = test
    const platform = formatPlatform(test.job.target)
    const step = `test ${name ?? ''} ${platform} ${number}`
    const images = name === undefined ? {} : { images: [name] }
    emit({
      type: 'step.start',
      step,
      name: `[${platform} test ${number}/${commands.length}] ${command}`,
      platforms: [platform],
      ...images,
      at: Date.now(),
    })
    const limit = timeout === undefined ? undefined : AbortSignal.timeout(timeout)
    try {
      const stop = limit ? AbortSignal.any([signal, limit]) : signal
      await runSomewhere({ ...test, step }, { ...edges, signal: stop, here })
      emit({ type: 'step.done', step, cached: false, at: Date.now() })
    } catch (thrown) {
      signal.throwIfAborted()
      const error = limit?.aborted ? overdue(command, timeout!) : toXbuildError(thrown)
      const what = `test "${cut(command)}" of ${platform} ${howItEnded(error)}`
      emit({ type: 'step.fail', step, error, at: Date.now() })
      failed.set(index, { what, error })
    }
  })
  const failures = [...tests.keys()].flatMap((index) => failed.get(index) ?? [])
  const [first, ...more] = failures
  if (!first) return
  const others = more.map(({ what }) => `; ${what}`).join('')
  throw new XbuildError('TEST_FAILED', `Cannot publish: ${first.what}${others}`, {
    output: failures.flatMap(({ what, error: { output = [] } }) =>
      failures.length === 1 ? output : [`${what}:`, ...output.slice(-10)],
    ),
    facts: first.error.facts,
    cause: first.error,
    ...(first.error.code === 'RUN_FAILED' || first.error.hint === undefined ? {} : { hint: first.error.hint }),
  })
}

/** A command in the image of one platform. */
interface PlatformTest {
  readonly step: string
  readonly job: ImageJob
  readonly image: BuiltImage
  readonly command: string
}

/** Runs a test on the best machine; when that is lost, on the next. */
async function runSomewhere(
  { step, job, image, command }: PlatformTest,
  { here, drivers, emit, signal, ...machines }: TestSession & { readonly here: () => Promise<TestsHere> },
): Promise<void> {
  const able = machinesFor(job.target, machines, job.decision.strategy.node)
  for (const [index, node] of able.entries()) {
    const driver = await drivers.testerAt(node.name, job.image)
    if (!driver?.test) return (await here()).run({ step, image, command, platform: job.target }, signal)
    const test = { job, image, argv: testArgv(command, image.config), emulated: !isNativeOn(node, job.target) }
    const onLine: TestOptions['onLine'] = (line, stream) =>
      emit({ type: 'step.log', step, stream, line, at: Date.now() })
    try {
      return await driver.test(test, { signal, onLine })
    } catch (thrown) {
      const { code, message } = toXbuildError(thrown)
      const next = able[index + 1]
      if (code !== 'NODE' || !next || signal.aborted) throw thrown
      const text = `${node.name} cannot test ${formatPlatform(job.target)}, so ${next.name} does: ${message}`
      emit({ type: 'warning', message: text, at: Date.now() })
    }
  }
  throw new XbuildError('NO_NODE', `Cannot test ${formatPlatform(job.target)}: no machine can run its programs`)
}

/** Tests on this machine, with code that most builds never load. */
interface TestsHere {
  run(test: Omit<ImageTest, 'container'>, signal: AbortSignal): Promise<void>
}

async function openTestsHere(
  options: SessionRequest['options'],
  { services, tester, emit, signal }: TestSession,
): Promise<TestsHere> {
  const [{ runTest }, { createNetworks }, { createRuntimeFinder }, { containerOf }] = await Promise.all([
    import('../engine/run-test.ts'),
    import('../engine/networks.ts'),
    import('../engine/runtime.ts'),
    import('../driver/embedded/container-of.ts'),
  ])
  const wanted = options.ociRuntime
  const running = {
    services,
    isNative: (platform: Platform) => isNativeOn(tester, platform),
    runtime: createRuntimeFinder({
      ...services,
      facts: openMachineFacts,
      signal,
      onWarning: services.warn,
      ...compact({ wanted }),
    }),
    networks: createNetworks(services.warn),
    emit,
  }
  const container = containerOf(options)
  return { run: (test, stop) => runTest({ ...test, container }, { ...running, signal: stop }) }
}

function overdue(command: string, timeout: number): XbuildError {
  const state = `its time limit of ${formatDuration(timeout)} is over`
  return new XbuildError('TIMEOUT', `Cannot finish the test "${cut(command)}": ${state}`, {
    hint: 'Give it more time with --timeout',
    facts: { state },
  })
}

function cut(command: string): string {
  return command.length > 200 ? `${command.slice(0, 200)}...` : command
}

function howItEnded({ code, message, facts }: XbuildError): string {
  if (facts.exitCode !== undefined) return `failed with exit code ${facts.exitCode}`
  const isOfCommand = code === 'RUN_FAILED' || code === 'EMULATOR' || code === 'TIMEOUT'
  return `failed: ${(isOfCommand ? facts.state : undefined) ?? message}`
}
