import { stat } from 'node:fs/promises'
import { release } from 'node:os'
import { XbuildError } from '../errors.ts'
import { findProgram } from '../host/files.ts'
import { namespacesHere, type MachineFacts } from '../host/machine-facts.ts'
import { keyOf } from '../store/key.ts'
import type { Store } from '../store/store.ts'
import { cgroupHierarchy } from './cgroups.ts'
import type { Workers } from './workers.ts'

/** Fastest first; which of them works on a machine depends on its cgroups and kernel, so each is tried. */
const CANDIDATES = ['crun', 'runc', 'youki']

/** An OCI runtime that works here. */
export interface Runtime {
  readonly path: string
  /** It says that it is runc, whatever it is called. */
  readonly isRunc: boolean
  /** It takes a seccomp profile. */
  readonly seccomp: boolean
  /** It keeps the machine's devices closed to containers; always so in a user namespace. */
  readonly devices: boolean
}

/**
 * Finds an OCI runtime that really runs a container here; a good answer is remembered for as long as the program does
 * not change.
 */
export function createRuntimeFinder({
  store,
  workers,
  wanted,
  uid,
  facts: openFacts,
  signal,
  onWarning,
}: {
  store: Store
  workers: Workers
  wanted?: string
  uid: number
  /** Opens what is known of this machine beside all stores; absent: every store finds out for itself. */
  facts?: () => MachineFacts | undefined
  signal: AbortSignal
  onWarning: (message: string) => void
}): () => Promise<Runtime> {
  let found: Promise<Runtime> | undefined
  return () => (found ??= findAndWarn())

  async function findAndWarn(): Promise<Runtime> {
    const runtime = await find()
    if (!runtime.seccomp) onWarning(`${runtime.path} does not support seccomp profiles: steps run without one`)
    if (!runtime.devices)
      onWarning(
        `${runtime.path} does not restrict devices: steps that run as root cannot create device nodes, or open device nodes of the image`,
      )
    return runtime
  }

  async function find(): Promise<Runtime> {
    const installed: { readonly path: string; readonly key: string }[] = []
    for (const name of wanted === undefined ? CANDIDATES : [wanted]) {
      const path = await findProgram(name)
      if (path === undefined) continue
      const { size, mtimeMs } = await stat(path)
      installed.push({ path, key: keyOf(['runtime', 4, path, size, mtimeMs, release(), uid, cgroupHierarchy()]) })
    }
    const facts = openFacts?.()
    // The first one that works: those before it have failed since the machine started, and need not fail again
    const all = keyOf(['runtime', 2, installed.map(({ key }) => key), namespacesHere()])
    const last = facts?.get<Runtime>(all)
    if (last && installed.some(({ path }) => path === last.path)) return checked(last)
    const remember = async (runtime: Runtime) => {
      await facts?.put(all, runtime)
      return runtime
    }
    const failures: string[] = []
    for (const { path, key } of installed) {
      const known = await store.records.get<Runtime>('runtimes', key)
      if (known) return remember(checked({ ...known, path }))
      const worker = await workers.native()
      const { failure, ...found } = await worker.call('probeRuntime', { runtime: path }, { signal })
      if (failure === undefined) {
        await store.records.put('runtimes', key, { path, ...found } satisfies Runtime)
        return remember({ path, ...found })
      }
      failures.push(`${path}: ${failure}`)
    }
    if (failures.length === 0) {
      throw new XbuildError(
        'HOST',
        wanted === undefined
          ? `Cannot run containers: none of ${CANDIDATES.join(', ')} is installed`
          : `Cannot run containers: program "${wanted}" not found`,
        {
          hint: 'Install runc (Debian, Ubuntu: apt-get install runc), or name a runtime with --oci-runtime',
          facts: { missing: 'runtime' },
        },
      )
    }
    throw new XbuildError('HOST', 'Cannot run containers: no OCI runtime that is installed works here', {
      output: failures,
      hint: 'Install another one, or name one with --oci-runtime',
    })
  }
}

/** What was remembered, where somebody else may have changed it. */
function checked({ path, isRunc, seccomp, devices }: Runtime): Runtime {
  return { path, isRunc: isRunc === true, seccomp: seccomp === true, devices: devices === true }
}
