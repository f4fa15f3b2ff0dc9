import { XbuildError } from '../errors.ts'
import type { Launch } from '../emulation/launch.ts'
import type { StoreFolder } from '../store/folder.ts'
import { startWorker, type Worker } from './worker-client.ts'

/** The workers of one build, each started by the first step that needs it: a build with nothing to run starts none. */
export interface Workers {
  /** For file system work alone: can be had before it is known which emulators the build needs. */
  files(): Promise<Worker>
  /** For file system work and for programs that the CPU runs itself. */
  native(): Promise<Worker>
  /** For programs of a foreign architecture (GOARCH). */
  emulating(architecture: string): Promise<Worker>
  /** Whether there was any: only they make snapshots. */
  started(): boolean
  close(): Promise<void>
}

export interface WorkersOptions {
  readonly folder: StoreFolder
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  /** How emulated programs are started; asked for once, by the first step that is emulated. */
  readonly launch: () => Promise<Launch>
  readonly onWarning: (message: string) => void
}

/** Prepares the workers of a build. */
export function createWorkers({ folder, env, uid, launch, onWarning }: WorkersOptions): Workers {
  const started = new Map<string, Promise<Worker>>()

  function start(name: string, make: () => Promise<Worker>): Promise<Worker> {
    const known = started.get(name) ?? make()
    started.set(name, known)
    return known
  }

  const rootless = () =>
    start('rootless', async () => {
      const { handlers } = await launch()
      return startWorker({ kind: 'rootless', handlers, folder, env, onWarning })
    })
  const native = () =>
    uid === 0
      ? start('native', () => startWorker({ kind: 'root-native', handlers: [], folder, env, onWarning }))
      : rootless()

  return {
    native,
    files: () =>
      uid === 0
        ? native()
        : (started.get('rootless') ??
          start('files', () => startWorker({ kind: 'rootless', handlers: [], folder, env, onWarning }))),
    async emulating(architecture) {
      const { kind, handlers, runners } = await launch()
      if (!Object.hasOwn(runners, architecture)) {
        throw new XbuildError('HOST', `Cannot run programs for ${architecture}: no emulator was found`, {
          hint: 'Install QEMU (Debian, Ubuntu: apt-get install qemu-user-static)',
        })
      }
      if (kind === 'rootless') return rootless()
      return kind === 'root-native'
        ? native()
        : start('emulating', () => startWorker({ kind, handlers, folder, env, onWarning }))
    },
    started: () => started.size > 0,
    async close() {
      const workers = await Promise.allSettled(started.values())
      await Promise.all(workers.map((worker) => (worker.status === 'fulfilled' ? worker.value.close() : undefined)))
    },
  }
}
