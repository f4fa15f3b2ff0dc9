import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { toXbuildError } from '../errors.ts'
import type { Emulated } from '../plan/types.ts'
import { type Platform, formatPlatform, samePlatform } from '../platform.ts'
import { ARCHITECTURES, type Architecture, architectureOf } from './architectures.ts'
import { type Environment, emulatorName } from './emulators.ts'
import { handlerFor, readHandlers } from './handlers.ts'
import { type Launch, type Runner, findLaunch } from './launch.ts'
import { nativePlatforms, siblingOf } from './native.ts'
import { type ProbeRecord, type ProbeRecords, addRecords, readRecords, runnerKey } from './probe-cache.ts'
import { PROBE_STATUS } from './probe-program.ts'
import { PROBE_LIMIT, runProbes } from './run-probes.ts'
import { INSTALL_HINT, type Missing, whyMissing } from './why-missing.ts'

export interface ProbeOptions {
  /** The platforms whose programs are to run. */
  readonly wanted: readonly Platform[]
  readonly env: Environment
  readonly signal: AbortSignal
  /** Where good answers are kept, so that an unchanged machine costs a few stats and no process. */
  readonly cacheFile?: string
}

export interface Probed {
  /** The machine's own platform first; 32-bit siblings only when wanted and proven. */
  readonly native: readonly Platform[]
  /** One entry per wanted platform that is not native, in their order. */
  readonly emulated: readonly Emulated[]
}

/**
 * Finds out what this machine runs: a tiny program of each wanted foreign architecture really runs where the engine
 * would run it. The engine then starts emulated steps by `findLaunch` with the architectures that are ready here.
 */
export async function probePlatforms(options: ProbeOptions): Promise<Probed> {
  const native = await nativePlatforms()
  const own = native[0]!.architecture
  const foreign = options.wanted.filter((platform) => !native.some((known) => samePlatform(known, platform)))
  const asked = ARCHITECTURES.filter(
    ({ name }) => name !== own && foreign.some((platform) => architectureOf(platform)?.name === name),
  )
  const records = asked.length > 0 && options.cacheFile ? await readRecords(options.cacheFile) : {}
  const sibling = await provenSibling(asked, own, records, options)
  const answers = await proveEmulated(
    asked.filter((architecture) => architecture !== sibling),
    records,
    options,
  )
  const runs = (platform: Platform) => architectureOf(platform) === sibling && sibling !== undefined
  return {
    native: [...native, ...foreign.filter(runs)],
    emulated: foreign.filter((platform) => !runs(platform)).map((platform) => toEmulated(platform, native, answers)),
  }
}

type Answer = { readonly status: 'ready'; readonly emulator: string } | Missing

function toEmulated(platform: Platform, native: readonly Platform[], answers: ReadonlyMap<string, Answer>): Emulated {
  const found = platform.os === 'linux' ? answers.get(platform.architecture) : undefined
  if (found) return { platform, ...found }
  const own = native
    .filter(({ os, architecture }) => os === platform.os && architecture === platform.architecture)
    .map(formatPlatform)
  if (own.length > 0) {
    return {
      platform,
      status: 'missing',
      reason: `xbuild does not know whether the CPU runs more than ${own.at(-1)}`,
      hint: `Build for ${own.at(-1)}`,
    }
  }
  const what = platform.os === 'linux' ? platform.architecture : platform.os
  return {
    platform,
    status: 'missing',
    reason: `there is no emulator for ${what} programs`,
    hint: 'Add a node that runs them',
  }
}

/** The 32-bit architecture of this CPU, if asked for and a program of it runs with no handler in its way. */
async function provenSibling(
  asked: readonly Architecture[],
  own: string,
  records: ProbeRecords,
  options: ProbeOptions,
): Promise<Architecture | undefined> {
  const sibling = asked.find(({ name }) => name === siblingOf(own))
  if (!sibling || handlerFor(sibling, await readHandlers())) return undefined
  const record = records[sibling.name]
  if (record && record.runner === undefined) return sibling
  const kind = process.geteuid?.() === 0 ? 'root-native' : 'rootless'
  const ran = await attempt([sibling], { kind, handlers: [] }, options)
  if (ran.kind === 'failed' || ran.statuses[0] !== PROBE_STATUS) return undefined
  await keep({ [sibling.name]: {} }, options)
  return sibling
}

/** An answer per asked architecture: from the records where the runner is still the same, else by running programs. */
async function proveEmulated(
  asked: readonly Architecture[],
  records: ProbeRecords,
  options: ProbeOptions,
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>()
  if (asked.length === 0) return answers
  const launch = await findLaunch(
    options.env,
    asked.map(({ name }) => name),
  )
  const open: Architecture[] = []
  for (const architecture of asked) {
    const runner = launch.runners[architecture.name]
    const record = records[architecture.name]
    if (!runner) answers.set(architecture.name, whyMissing(architecture, launch.facts))
    else if (record?.name && record.runner === runnerKey(runner))
      answers.set(architecture.name, { status: 'ready', emulator: record.name })
    else open.push(architecture)
  }
  if (open.length === 0) return answers
  const ran = await attempt(open, launch, options)
  const fresh: Record<string, ProbeRecord> = {}
  for (const [index, { name }] of open.entries()) {
    const runner = launch.runners[name]!
    if (ran.kind === 'failed') answers.set(name, ran.answer)
    else if (ran.statuses[index] !== PROBE_STATUS) answers.set(name, refused(runner, ran.statuses[index]))
    else {
      const emulator = await nameOf(runner, options)
      fresh[name] = { name: emulator, runner: runnerKey(runner) }
      answers.set(name, { status: 'ready', emulator })
    }
  }
  await keep(fresh, options)
  return answers
}

type Ran =
  | { readonly kind: 'ran'; readonly statuses: readonly number[] }
  | { readonly kind: 'failed'; readonly answer: Answer }

/** Runs the programs; what this machine lacks becomes the answer, all else is thrown on. */
async function attempt(
  asked: readonly Architecture[],
  launch: Pick<Launch, 'kind' | 'handlers'>,
  options: ProbeOptions,
): Promise<Ran> {
  const { env, signal, cacheFile } = options
  try {
    return {
      kind: 'ran',
      statuses: await runProbes(asked, launch, { env, signal, folder: cacheFile ? dirname(cacheFile) : tmpdir() }),
    }
  } catch (thrown) {
    const error = toXbuildError(thrown)
    if (error.code !== 'HOST') throw thrown
    return { kind: 'failed', answer: { status: 'missing', reason: error.message, hint: error.hint ?? INSTALL_HINT } }
  }
}

async function keep(records: ProbeRecords, { cacheFile }: ProbeOptions): Promise<void> {
  if (cacheFile && Object.keys(records).length > 0) await addRecords(cacheFile, records)
}

function nameOf(runner: Runner, { signal }: ProbeOptions): string | Promise<string> {
  return runner.via === 'private'
    ? emulatorName(runner.emulator, { signal })
    : `${runner.handler.name} (registered on this machine)`
}

function refused(runner: Runner, status: number | undefined): Answer {
  const path = runner.via === 'private' ? runner.emulator.path : runner.handler.interpreter
  const ended =
    status !== undefined && status > 128 ? `was killed by signal ${status - 128}` : `ended with status ${status}`
  const reason = `a test program under ${path} ${status === undefined ? `did not end within ${PROBE_LIMIT} s` : ended}`
  return { status: 'missing', reason, hint: `Check that it starts: ${path} --version` }
}
