import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Driver } from '../driver/driver.ts'
import type { RemoteBuild } from '../driver/remote-build.ts'
import { architectureOf } from '../emulation/architectures.ts'
import { handlerProof, TWIN_STATUS } from '../emulation/packs/proof.ts'
import { PROBE_STATUS } from '../emulation/probe-program.ts'
import { toXbuildError } from '../errors.ts'
import type { ImageJob, Job } from '../plan/types.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import type { Store } from '../store/store.ts'
import { probeBuild } from './prove.ts'

export interface ProvePackOptions {
  readonly node: string
  readonly own: Platform
  readonly platform: Platform
  readonly driver: (buildFor: (job: Job) => RemoteBuild) => Driver | Promise<Driver>
  readonly store: Store
  readonly signal: AbortSignal
}

const DOCKERFILE =
  'FROM scratch\nCOPY probe /probe\nRUN --mount=type=bind,source=handler,target=/dev/.xbuild ["/probe"]\n'

/**
 * Runs a tiny program of a platform on a node, as a RUN of a real build that shows the handler a native twin of it:
 * their exit statuses differ. Gives the reason when the twin did not start.
 */
export async function proveHandler({
  node,
  own,
  platform,
  driver: open,
  store,
  signal,
}: ProvePackOptions): Promise<string | undefined> {
  const shown = formatPlatform(platform)
  const architecture = architectureOf(platform)
  const proof = architecture && handlerProof(architecture, own.architecture)
  if (!proof) return `there is no handler that runs on ${formatPlatform(own)}`
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-proof-'))
  let driver: Driver | undefined
  try {
    await writeFile(join(folder, proof.name), proof.program, { mode: 0o755 })
    for (const { path, content, mode } of proof.files) {
      const file = join(folder, 'handler', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content, { mode })
    }
    const build = probeBuild(folder, { store, dockerfile: DOCKERFILE })
    driver = await open(() => build)
    const strategy = { kind: 'native', node } as const
    const job: ImageJob = {
      kind: 'image',
      id: `packs ${shown}`,
      stage: '0',
      needs: [],
      platform,
      target: platform,
      decision: { strategy, reason: 'a probe', rejected: [] },
    }
    await driver.build(job, { signal, emit: () => undefined })
    return `${node} did not run a ${shown} test program`
  } catch (thrown) {
    const { code, message, facts, output = [] } = toXbuildError(thrown)
    if (code === 'RUN_FAILED' && facts.exitCode === TWIN_STATUS) return undefined
    if (code === 'RUN_FAILED' && facts.exitCode === PROBE_STATUS)
      return `its ${architecture.name} programs go to an emulator without the handler (xbuild qemu install --packs ${architecture.name} there registers one with it)`
    if (signal.aborted) return `a ${shown} test program did not end in time on ${node}`
    return `a ${shown} test program failed on ${node}: ${output.at(-1) ?? message}`
  } finally {
    await driver?.close().catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
}
