import type { Resources } from '../config/run-options.ts'
import { XbuildError } from '../errors.ts'
import { findStepCgroups, type StepCgroups } from './step-cgroups.ts'
import type { Vertex } from './vertex.ts'

/** Throws UNSUPPORTED when a step is to be limited by control groups that this machine, or this user, does not have. */
export function checkResources(vertices: readonly Vertex[], uid: number): void {
  for (const vertex of vertices) {
    if (vertex.kind !== 'run' || vertex.scope.container.resources === undefined) continue
    const problem = resourceProblem(vertex.scope.container.resources, { uid, cgroups: findStepCgroups(uid) })
    if (problem) throw new XbuildError('UNSUPPORTED', problem.message, { hint: problem.hint, at: vertex.step.at })
  }
}

/** Why the steps of this user cannot be limited, with the way out. */
export function resourceProblem(
  resources: Resources,
  { uid, cgroups }: { readonly uid: number; readonly cgroups: StepCgroups | undefined },
): { readonly message: string; readonly hint: string } | undefined {
  const asked = Object.keys(resources).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  const missing = asked.filter((name) => !cgroups?.controllers.includes(name.split('-')[0]!))
  if (missing.length === 0) return undefined
  const names = missing.join(', ')
  if (uid === 0) {
    return {
      message: cgroups
        ? `Cannot limit ${names} of steps: the control groups of this machine do not support it`
        : `Cannot limit ${names} of steps: no control group can be made in /sys/fs/cgroup`,
      hint: 'Leave --resource out, or limit the machine or container that xbuild runs in',
    }
  }
  return {
    message: cgroups
      ? `Cannot limit ${names} of steps without root: "${cgroups.parent}" is delegated without them`
      : `Cannot limit ${names} of steps without root: no control group is delegated to this user`,
    hint: 'Start it as systemd-run --user --scope -p Delegate=yes xbuild, build as root, or leave --resource out; --ulimit nproc=N limits processes everywhere',
  }
}
