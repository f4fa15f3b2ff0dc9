import type { ImagesCommand } from '../config/images/line.ts'
import { printTargets } from '../config/images/print.ts'
import { withNeeded, type ImageTarget } from '../config/images/target.ts'
import type { Calling } from './command.ts'
import { showPlan } from './plan.ts'
import { print } from './print.ts'
import { checkNoCircle, imageRequests, runImages } from './run-images.ts'
import type { Terminal } from './terminal.ts'

/** Builds the images of xbuild.yaml that were chosen; its reader has said what it asks for. */
export async function runFileImages(command: ImagesCommand, terminal: Terminal, calling: Calling): Promise<number> {
  const { chosen, json: _, unnamed, ...run } = command
  for (const name of unnamed) terminal.stderr.write(`warning: ${name} is not pushed: it has no tags\n`)
  if (run.print) warnOfOverrides(run.targets, terminal)
  return runImages(
    {
      ...run,
      chosen,
      groups: { default: { targets: chosen } },
      project: run.shared.cwd,
      grants: undefined,
      env: terminal.env,
      secretEnv: terminal.env,
    },
    terminal,
    calling,
  )
}

/** `xbuild build --print`: the one image as docker buildx bake would show it. */
export async function showImage(target: ImageTarget, terminal: Terminal): Promise<number> {
  warnOfOverrides([target], terminal)
  await print(terminal.stdout, printTargets([target], { default: { targets: [target.name] } }))
  return 0
}

function warnOfOverrides(targets: readonly ImageTarget[], { stderr }: Terminal): void {
  const names = targets.flatMap(({ name, overrides }) => (overrides ? [name] : []))
  if (names.length > 0)
    stderr.write(`warning: --print leaves out what is different for single platforms of ${names.join(', ')}\n`)
}

/** `xbuild plan` for images of xbuild.yaml: one plan for all of them. */
export async function planFileImages(command: ImagesCommand, terminal: Terminal): Promise<number> {
  const { targets, chosen, shared, json } = command
  checkNoCircle(withNeeded(targets, chosen))
  const requests = imageRequests({ ...command, env: terminal.env, secretEnv: terminal.env })
  return showPlan(
    async (edges) => (await import('../session/plan-only.ts')).plan(requests, edges),
    { progress: shared.progress, json },
    terminal,
  )
}
