import { checkDockerfile } from '../dockerfile/checks/check.ts'
import { viewOf, type BaseFacts } from '../dockerfile/checks/view.ts'
import type { GraphStage } from '../dockerfile/types.ts'
import type { Emit } from '../events.ts'
import type { TargetBuild } from '../driver/target.ts'
import type { Prepared } from './plan.ts'
import { check } from './requests.ts'
import type { SessionRequest } from './types.ts'

/**
 * Runs the build checks over the Dockerfiles of an image; `baseOf` knows the images that stages start from, as far as
 * anybody does.
 */
export function runChecks(
  { image }: SessionRequest,
  { targets }: Prepared,
  {
    baseOf,
    emit,
  }: {
    readonly baseOf: (target: TargetBuild, stage: GraphStage) => BaseFacts | undefined
    readonly emit: Emit
  },
): void {
  const all = targets.filter((target) => target.image === image)
  for (const file of new Set(all.map(({ dockerfile }) => dockerfile))) {
    if (file.frontend) continue
    const own = all.filter(({ dockerfile }) => dockerfile === file)
    const views = own.map((target) => viewOf(target.graph, (stage) => baseOf(target, stage)))
    check(checkDockerfile({ dockerfile: file, views }, { buildArgs: own[0]!.options.buildArgs }), emit)
  }
}
