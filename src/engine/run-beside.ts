import { compact } from '../compact.ts'
import { mostProcesses } from './process-limit.ts'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isReal } from '../content/in-root.ts'
import type { SiblingCommand } from '../emulation/packs/sibling/step-sibling.ts'
import type { Resources } from '../config/run-options.ts'
import { XbuildError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { newSnapshotId } from './layers.ts'
import type { Runtime } from './runtime.ts'
import type { Workers } from './workers.ts'

export interface BesideEdges {
  readonly store: Store
  readonly workers: Workers
  readonly runtime: () => Promise<Runtime>
}

/** No program of a toolchain is larger. Bytes. */
const MAX_OUTPUT = 200_000_000
/** Go's command takes two minutes on a slow machine. Milliseconds. */
const MAX_TIME = 15 * 60_000

export interface BesideOptions {
  readonly edges: BesideEdges
  /** Those of the step that it is run for. */
  readonly resources?: Resources | undefined
  readonly signal: AbortSignal
  /** Milliseconds. */
  readonly limit?: number
}

/**
 * Runs a program of this machine's architecture over snapshots, or of another one (GOARCH) under QEMU, as no step of the build: without network, secrets and
 * mounts. Gives the file that it made, and throws the rest away. Throws NOT_FOUND when it made none in time.
 */
export async function runBeside(
  {
    argv,
    cwd,
    env,
    files,
    output,
    lowers,
    architecture,
  }: SiblingCommand & { readonly lowers: readonly string[]; readonly architecture?: string },
  { edges, resources, signal, limit = MAX_TIME }: BesideOptions,
): Promise<Buffer> {
  const [worker, runtime] = await Promise.all([
    architecture === undefined ? edges.workers.native() : edges.workers.emulating(architecture),
    edges.runtime(),
  ])
  const id = newSnapshotId()
  const late = AbortSignal.timeout(limit)
  try {
    await worker.call(
      'run',
      {
        id,
        lowers,
        argv,
        env,
        user: '0',
        cwd,
        files: files.map(({ path, content }) => ({ path, content, mode: 0o644 })),
        emulated: architecture !== undefined,
        runtime: runtime.path,
        isRunc: runtime.isRunc,
        seccomp: runtime.seccomp,
        guardsDevices: runtime.devices,
        mounts: [],
        hosts: [],
        ulimits: [],
        ...compact({ resources }),
        mostProcesses: mostProcesses(),
        network: 'none',
      },
      { signal: AbortSignal.any([signal, late]), onLog: () => undefined },
    )
    const root = join(edges.store.folder.snapshots, id)
    const file = join(root, output)
    const found = isReal(root, file) ? await lstat(file).catch(() => undefined) : undefined
    if (!found?.isFile() || found.size > MAX_OUTPUT)
      throw new XbuildError('NOT_FOUND', `Cannot use "${output}" of a program that ran: it made no such file`)
    return await readFile(file)
  } catch (error) {
    if (!late.aborted || signal.aborted) throw error
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot use "${output}" of a program that ran: it did not end within ${limit / 1000} seconds`,
      { cause: error },
    )
  } finally {
    await worker.call('remove', { ids: [id] }, { signal: new AbortController().signal }).catch(() => undefined)
  }
}
