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

function ofRun({ security, devices = [] }: RunStep): Finding[] {
  return [
    ...(security === 'insecure' ? [['RUN --security=insecure', 'Remove the flag: no step may leave its sandbox'] as const] : []),
    ...devices.map((device): Finding => [`RUN --device=${device}`, 'Remove the flag: steps see no devices of this machine']),
  ]
}

function ofCopy({ parents }: CopyStep): Finding[] {
  return [
    ...(parents ? [['COPY --parents', 'Write one COPY per folder'] as const] : []),
  ]
}
