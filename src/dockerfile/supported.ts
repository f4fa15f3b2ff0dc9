import type { Diagnostic } from '../errors.ts'
import type { CopyStep, EvaluatedStage, RunStep, Step } from './types.ts'

/** What is legal in a stage but not executed by this version: one error per thing, so that nothing is built in vain. */
export function checkSupported(evaluated: EvaluatedStage): Diagnostic[] {
  return evaluated.steps.flatMap((step) =>
    findings(step).map(([what, hint]) => ({
      rule: 'unsupported',
      severity: 'error' as const,
      message: `Cannot run ${what}: this version does not execute it`,
      hint,
      at: step.at,
    })),
  )
}

type Finding = readonly [what: string, hint: string]

function findings(step: Step): readonly Finding[] {
  if (step.kind === 'run') return ofRun(step)
  return step.kind === 'copy' ? ofCopy(step) : []
}

function ofRun({ mounts, network, security, devices = [] }: RunStep): Finding[] {
  return [
    ...mounts.map((mount): Finding => [`RUN --mount=${mount}`, 'COPY what the command needs, and remove --mount']),
    ...(network === 'none' ? [['RUN --network=none', 'Remove the flag: the command then has the network of this machine'] as const] : []),
    ...(security === 'insecure' ? [['RUN --security=insecure', 'Remove the flag'] as const] : []),
    ...devices.map((device): Finding => [`RUN --device=${device}`, 'Remove the flag']),
  ]
}

function ofCopy({ parents }: CopyStep): Finding[] {
  return [
    ...(parents ? [['COPY --parents', 'Write one COPY per folder'] as const] : []),
  ]
}
