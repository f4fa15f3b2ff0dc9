import { compact } from '../compact.ts'
import type { EngineServices } from '../engine/services.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { TargetId } from '../plan/target-id.ts'
import type { Node } from '../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../platform.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Settled } from '../run/outcome.ts'
import type { SessionRequest } from './types.ts'

/** What tests look at beside the images. */
export interface TestSession {
  readonly services: EngineServices
  /** This machine, also when it builds nothing. */
  readonly tester: Node | undefined
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Commands at a time, over all platforms of an image. */
const AT_A_TIME = 4

/** Whether anything is to be run in the finished images. */
export function hasTests({ test = [] }: SessionRequest['options']): boolean {
  return test.length > 0
}

/** Before anything is built: this machine can run the programs of all platforms. Throws NO_NODE. */
export function checkTests(
  { image, options }: SessionRequest,
  tester: Node | undefined,
  targets: readonly TargetId[],
): void {
  if (!hasTests(options)) return
  for (const target of targets) {
    if (target.image !== image || isNative(tester, target.platform)) continue
    const found = tester?.emulated.find(({ platform }) => samePlatform(platform, target.platform))
    if (found?.status === 'ready') continue
    const platform = formatPlatform(target.platform)
    throw new XbuildError('NO_NODE', `Cannot test ${platform}: this machine cannot run its programs`, {
      hint: 'Tests run on this machine. Install QEMU (Debian, Ubuntu: apt-get install qemu-user-static), or build without --test',
    })
  }
}

/**
 * Runs every command in the image of every platform, on this machine. All failures are told; nothing of the image was
 * published by then. Throws TEST_FAILED.
 */
export async function testImages(
  { image: name, options }: SessionRequest,
  { built }: Pick<Settled, 'built'>,
  edges: TestSession,
): Promise<void> {
  const { services, tester, emit, signal } = edges
  const { test: commands = [] } = options
  if (commands.length === 0) return
  const [{ runTest }, { createNetworks }, { createRuntimeFinder }, { containerOf }] = await Promise.all([
    import('../engine/run-test.ts'),
    import('../engine/networks.ts'),
    import('../engine/runtime.ts'),
    import('../driver/embedded/container-of.ts'),
  ])
  const { ociRuntime } = options
  const running = {
    services,
    isNative: (platform: Platform) => isNative(tester, platform),
    runtime: createRuntimeFinder({
      ...services,
      signal,
      onWarning: services.warn,
      ...compact({ wanted: ociRuntime }),
    }),
    networks: createNetworks(services.warn),
    emit,
    signal,
  }
  const container = containerOf(options)
  const tests = built.flatMap(({ job, image }) =>
    commands.map((command, index) => ({ image, command, platform: job.target, number: index + 1, container })),
  )
  const failed = new Map<number, { readonly what: string; readonly error: XbuildError }>()
  await forEachLimited([...tests.entries()], { limit: AT_A_TIME, signal }, async ([index, { number, ...test }]) => {
    const platform = formatPlatform(test.platform)
    const step = `test ${name ?? ''} ${platform} ${number}`
    const images = name === undefined ? {} : { images: [name] }
    emit({
      type: 'step.start',
      step,
      name: `[${platform} test ${number}/${commands.length}] ${test.command}`,
      platforms: [platform],
      ...images,
      at: Date.now(),
    })
    try {
      await runTest({ ...test, step }, running)
      emit({ type: 'step.done', step, cached: false, at: Date.now() })
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toXbuildError(thrown)
      const what = `test "${cut(test.command)}" of ${platform} ${howItEnded(error)}`
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

function isNative(node: Node | undefined, platform: Platform): boolean {
  return node?.native.some((native) => samePlatform(native, platform)) ?? false
}

function cut(command: string): string {
  return command.length > 200 ? `${command.slice(0, 200)}...` : command
}

function howItEnded({ code, message, facts }: XbuildError): string {
  if (facts.exitCode !== undefined) return `failed with exit code ${facts.exitCode}`
  const isOfCommand = code === 'RUN_FAILED' || code === 'EMULATOR'
  return `failed: ${(isOfCommand ? facts.state : undefined) ?? message}`
}
