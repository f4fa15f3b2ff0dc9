import { planBake, wantsBake } from './bake-plan.ts'
import { planBuild } from './build-plan.ts'
import { textInput } from './inputs.ts'
import type { PlanInput, RunPlan } from './run-plan.ts'

/** What the action does, from its inputs alone: nothing is written, started or asked. */
export function planRun(input: PlanInput): RunPlan {
  const { env } = input
  const plan = wantsBake(env) ? planBake(input) : planBuild(input)
  const history = textInput(env, 'history')
  return history === '' ? plan : { ...plan, history }
}
