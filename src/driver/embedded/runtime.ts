import { stat } from 'node:fs/promises'
import { release } from 'node:os'
import { XbuildError } from '../../errors.ts'
import { findProgram } from '../../host/files.ts'
import { keyOf } from '../../store/key.ts'
import type { Store } from '../../store/store.ts'
import type { Workers } from './workers.ts'

/** Fastest first; which of them works on a machine depends on its cgroups and kernel, so each is tried. */
const CANDIDATES = ['crun', 'runc', 'youki']

/** Finds an OCI runtime that really runs a container here; a good answer is remembered for as long as the program does not change. */
export function createRuntimeFinder({ store, workers, wanted, uid, signal }: { store: Store; workers: Workers; wanted?: string; uid: number; signal: AbortSignal }): () => Promise<string> {
  let found: Promise<string> | undefined
  return () => (found ??= find())

  async function find(): Promise<string> {
    const failures: string[] = []
    for (const name of wanted === undefined ? CANDIDATES : [wanted]) {
      const path = await findProgram(name)
      if (path === undefined) continue
      const { size, mtimeMs } = await stat(path)
      const key = keyOf(['runtime', path, size, mtimeMs, release(), uid])
      if (await store.records.get('runtimes', key)) return path
      const worker = await workers.native()
      const { failure } = await worker.call('probeRuntime', { runtime: path }, { signal })
      if (failure === undefined) {
        await store.records.put('runtimes', key, { path })
        return path
      }
      failures.push(`${path}: ${failure}`)
    }
    if (failures.length === 0) {
      throw new XbuildError('HOST', wanted === undefined ? `Cannot run containers: none of ${CANDIDATES.join(', ')} is installed` : `Cannot run containers: there is no program "${wanted}"`, {
        hint: 'Install runc (Debian, Ubuntu: apt-get install runc), or name a runtime with --oci-runtime',
      })
    }
    throw new XbuildError('HOST', 'Cannot run containers: no OCI runtime that is installed works here', {
      output: failures, hint: 'Install another one, or name one with --oci-runtime',
    })
  }
}
