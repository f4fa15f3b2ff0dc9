import type { Diagnostic } from '../errors.ts'
import type { EvaluatedStage, Step } from './types.ts'

/** What is legal in a stage but never done by this engine: one error per thing, so that nothing is built in vain. */
export function checkSupported(evaluated: EvaluatedStage): Diagnostic[] {
  return evaluated.steps.flatMap((step) =>
    findings(step).map(([what, why, hint]) => ({
      rule: 'unsupported',
      severity: 'error' as const,
      message: `Cannot run ${what}: ${why}`,
      hint,
      at: step.at,
    })),
  )
}

type Finding = readonly [what: string, why: string, hint: string]

function findings(step: Step): readonly Finding[] {
  if (step.kind !== 'run') return []
  const { security, devices = [] } = step
  return [
    ...(security === 'insecure'
      ? [
          [
            'RUN --security=insecure',
            'this engine runs every step in a sandbox',
            'Remove the flag, or build on a BuildKit node that allows security.insecure',
          ] as const,
        ]
      : []),
    ...devices.map(
      (device): Finding => [
        `RUN --device=${device}`,
        'this engine gives steps no devices of the host',
        'Remove the flag, or build on a BuildKit node that has the device',
      ],
    ),
  ]
}
