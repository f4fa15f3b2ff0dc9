import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CompleteOptions } from '../config/options.ts'
import type { Driver } from '../driver/driver.ts'
import type { RemoteBuild } from '../driver/remote-build.ts'
import { ARCHITECTURES, architectureOf } from '../emulation/architectures.ts'
import { siblingOf } from '../emulation/native.ts'
import { PROBE_STATUS, probeProgram } from '../emulation/probe-program.ts'
import { toXbuildError } from '../errors.ts'
import { forEachLimited } from '../host/pool.ts'
import type { Emulated, ImageJob, Job } from '../plan/types.ts'
import { formatPlatform, samePlatform, type Platform } from '../platform.ts'
import type { Credential } from '../registry/credentials.ts'
import type { Store } from '../store/store.ts'

export interface ProveOptions {
  readonly node: string
  /** The platforms whose programs are to run; the node's own need no proof. */
  readonly wanted: readonly Platform[]
  /** Those whose programs ran a while ago. */
  readonly known: readonly Platform[]
  readonly own: Platform
  readonly driver: (buildFor: (job: Job) => RemoteBuild) => Driver | Promise<Driver>
  readonly store: Store
  readonly signal: AbortSignal
}

/** What really ran. */
export interface Proven {
  /** 32-bit programs that the CPU runs by itself. */
  readonly siblings: readonly Platform[]
  /** One entry per other wanted platform, in their order. */
  readonly emulated: readonly Emulated[]
}

/**
 * No image, no shell: the program alone. An ARG before COPY would make builders without BuildKit forget the platform.
 */
const dockerfileFor = ({ architecture }: Platform) => `FROM scratch\nCOPY ${architecture} /probe\nRUN ["/probe"]\n`

/**
 * Runs a tiny program of each wanted platform on a node, as a RUN of a real build whose result nobody needs: the
 * program's own exit status tells that it ran. What `signal` cut short is missing, for that reason.
 */
export async function provePlatforms(options: ProveOptions): Promise<Proven> {
  const { node, wanted, known, own } = options
  const ran = known.map((platform): Emulated => ({ platform, status: 'ready', emulator: emulatorOf(node) }))
  const answers = [...ran, ...(wanted.length > 0 ? await runAll(options) : [])]
  const isSibling = ({ platform, status }: Emulated) =>
    status === 'ready' && own.os === 'linux' && platform.architecture === siblingOf(own.architecture)
  return {
    siblings: answers.filter(isSibling).map(({ platform }) => platform),
    emulated: answers.filter((answer) => !isSibling(answer)),
  }
}

async function runAll({ node, wanted, driver: open, store, signal }: ProveOptions): Promise<Emulated[]> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-probe-'))
  let driver: Driver | undefined
  try {
    const builds = await probeBuilds(folder, { wanted, store })
    driver = await open(({ platform }) => builds.get(formatPlatform(platform))!)
    const answers = new Map<Platform, Emulated>()
    // Not more: a small board has other work to do
    await forEachLimited(
      wanted,
      { limit: 4, signal: new AbortController().signal },
      async (platform) => void answers.set(platform, await run(driver!, platform, { node, signal })),
    )
    return wanted.map((platform) => answers.get(platform)!)
  } finally {
    await driver?.close().catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
}

/** The answer for a platform whose programs a machine cannot start. */
export function noEmulator(node: string, platform: Platform): Emulated {
  const reason = `${node} has no emulator for ${formatPlatform(platform)} programs`
  return {
    platform,
    status: 'missing',
    reason,
    hint: `Install QEMU with binfmt_misc handlers on ${node}, or add a node that runs them`,
  }
}

function emulatorOf(node: string): string {
  return `the emulator of ${node}`
}

/** Every platform that xbuild has a probe program for, in its usual variant. */
export function provablePlatforms(own: readonly Platform[]): Platform[] {
  const all = ARCHITECTURES.map(
    ({ name }): Platform => ({ os: 'linux', architecture: name, ...(name === 'arm' ? { variant: 'v7' } : {}) }),
  )
  return all.filter((platform) => !own.some((one) => samePlatform(one, platform)))
}

async function probeBuilds(
  folder: string,
  { wanted, store }: Pick<ProveOptions, 'wanted' | 'store'>,
): Promise<ReadonlyMap<string, RemoteBuild>> {
  await Promise.all(
    ARCHITECTURES.map((architecture) =>
      writeFile(join(folder, architecture.name), probeProgram(architecture), { mode: 0o755 }),
    ),
  )
  return new Map(
    wanted.map((platform): [string, RemoteBuild] => [
      formatPlatform(platform),
      probeBuild(folder, { store, dockerfile: dockerfileFor(platform) }),
    ]),
  )
}

/** A build of a folder that nobody knows of: no network, no cache, no credentials. */
export function probeBuild(
  folder: string,
  { store, dockerfile }: { readonly store: Store; readonly dockerfile: string },
): RemoteBuild {
  const options: CompleteOptions = {
    context: folder,
    file: '-',
    cwd: folder,
    platforms: [],
    buildArgs: {},
    labels: {},
    annotations: [],
    buildContexts: {},
    tags: [],
    outputs: [],
    push: false,
    noCache: true,
    pull: false,
    progress: 'quiet',
    registries: {},
    cacheFrom: [],
    cacheTo: [],
    network: 'none',
  }
  return {
    options,
    store,
    dockerfile: { text: dockerfile, shown: 'Dockerfile' },
    context: { kind: 'folder', path: folder, ignore: [] },
    secret: async () => undefined,
    agent: () => undefined,
    warn: () => undefined,
    credentials: { find: async (): Promise<Credential> => ({ kind: 'none' }), searched: async () => 'nowhere' },
  }
}

async function run(
  driver: Driver,
  platform: Platform,
  { node, signal }: Pick<ProveOptions, 'node' | 'signal'>,
): Promise<Emulated> {
  const shown = formatPlatform(platform)
  const missing = (reason: string, hint: string) => ({ platform, status: 'missing', reason, hint }) as const
  if (!architectureOf(platform))
    return missing(`there is no emulator for ${shown} programs`, 'Add a node that runs them')
  const strategy = { kind: 'native', node } as const
  const job: ImageJob = {
    kind: 'image',
    id: `probe ${shown}`,
    stage: '0',
    needs: [],
    platform,
    target: platform,
    decision: { strategy, reason: 'a probe', rejected: [] },
  }
  try {
    await driver.build(job, { signal, emit: () => undefined })
  } catch (thrown) {
    const { code, message, facts, output = [] } = toXbuildError(thrown)
    if (code === 'RUN_FAILED' && facts.exitCode === PROBE_STATUS)
      return { platform, status: 'ready', emulator: emulatorOf(node) }
    if (signal.aborted)
      return {
        ...missing(`a ${shown} test program did not end in time on ${node}`, `See xbuild node inspect ${node}`),
        timedOut: true,
      }
    if (/exec format error/i.test([message, ...output].join('\n'))) {
      return noEmulator(node, platform)
    }
    return missing(
      `a ${shown} test program failed on ${node}: ${output.at(-1) ?? message}`,
      `See xbuild node inspect ${node}`,
    )
  }
  return missing(`${node} did not run a ${shown} test program`, 'See the log of its engine')
}
