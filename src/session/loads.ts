import type { LoadTargets } from '../nodes/load-targets.ts'
import type { TargetBuild } from '../driver/target.ts'
import { loadable } from '../publish/load.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

/** The engines that images are to be loaded into, if there are any: code that most builds never load. */
export async function openLoads(
  requests: readonly SessionRequest[],
  edges: Pick<BuildEdges, 'env' | 'signal'>,
): Promise<LoadTargets | undefined> {
  const outputs = requests.flatMap((request) => request.outputs.outputs)
  if (!outputs.some(({ type }) => type === 'load')) return undefined
  return (await import('../nodes/load-targets.ts')).openLoadTargets(outputs, edges)
}

/** What an engine cannot hold is known before it is built. Throws BAD_PLATFORM. */
export function checkLoads(
  { image, outputs }: SessionRequest,
  loads: LoadTargets | undefined,
  targets: readonly TargetBuild[],
): void {
  const own = targets.filter((target) => target.image === image)
  for (const output of outputs.outputs) if (output.type === 'load') loadable(loads!.get(output.context), own)
}
