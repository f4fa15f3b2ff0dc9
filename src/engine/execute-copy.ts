import { compact } from '../compact.ts'
import type { Changed, CopyParams } from './protocol.ts'
import type { StepVertex } from './vertex.ts'
import type { Workers } from './workers.ts'

/** The snapshot that a step makes, and those it is made on, bottom first. */
export interface StepSnapshot {
  readonly id: string
  readonly lowers: readonly string[]
}

/** What copying needs: the files of the step, and what an ADD brought from elsewhere. */
export interface CopyEdges {
  readonly workers: Workers
  readonly files: CopyParams['source']
  readonly added: NonNullable<CopyParams['more']>
  readonly signal: AbortSignal
}

/** Makes the snapshot of a COPY or ADD. */
export async function executeCopy(
  { step }: Extract<StepVertex, { kind: 'copy' }>,
  snapshot: StepSnapshot,
  { workers, files, added, signal }: CopyEdges,
): Promise<Changed> {
  const worker = await workers.native()
  return worker.call(
    'copy',
    {
      ...snapshot,
      source: files,
      more: added,
      inline: step.inline,
      dest: step.dest,
      unpack: step.add && step.unpack !== false,
      ...compact({ chown: step.chown, chmod: step.chmod }),
    },
    { signal },
  )
}

/** Makes the snapshot of a WORKDIR: the folder, if it is not there. */
export async function executeWorkdir(
  { step }: Extract<StepVertex, { kind: 'workdir' }>,
  snapshot: StepSnapshot,
  { workers, signal }: { readonly workers: Workers; readonly signal: AbortSignal },
): Promise<Changed> {
  const worker = await workers.native()
  return worker.call('workdir', { ...snapshot, path: step.path, user: step.user }, { signal })
}
