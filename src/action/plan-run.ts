import { planBake, wantsBake } from './bake-plan.ts'
import { planBuild } from './build-plan.ts'
import type { PlanInput, RunPlan } from './run-plan.ts'

/** What the action does, from its inputs alone: nothing is written, started or asked. */
export function planRun(input: PlanInput): RunPlan {
  return wantsBake(input.env) ? planBake(input) : planBuild(input)
}
