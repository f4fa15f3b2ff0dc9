import { isHarmless, machineQuestion } from './programs.ts'
import type { Detector, Proposal } from './detector.ts'
import type { Unit } from './unit.ts'

/** Stages that only download, unpack, move and change files. */
export const fetch: Detector = {
  kind: 'fetch',
  builds: isHarmless,
  knows: isHarmless,
  propose,
}

function propose(unit: Unit): Proposal | string {
  if (machineQuestion(unit)) return 'it asks the machine for its architecture'
  const chooses = unit.runs.some(
    ({ instruction }) =>
      /\$\{?TARGET(ARCH|PLATFORM|VARIANT)/.test(instruction.text) ||
      (instruction.command.form === 'shell' &&
        instruction.command.heredocs.some(({ content }) => /\$\{?TARGET(ARCH|PLATFORM|VARIANT)/.test(content))),
  )
  const adds = unit.stages.some(({ instructions }) =>
    instructions.some((one) => one.kind === 'add' && /\$\{?TARGET(ARCH|PLATFORM|VARIANT)/.test(one.text)),
  )
  return {
    summary:
      chooses || adds
        ? 'it only fetches, unpacks and moves files, which it chooses by $TARGETARCH: any machine can do that'
        : 'it only fetches, unpacks and moves files that are the same for all platforms',
    win:
      chooses || adds
        ? {
            text: 'its programs run natively; where it downloads, that is most of its time',
            basis: 'it was not measured',
          }
        : {
            text: 'it runs once for all platforms, natively; where it downloads, that is most of its time',
            basis: 'it was not measured',
          },
    left: [],
    ...(chooses || adds ? {} : { neutral: true as const }),
    needed: false,
    apply: () => {},
  }
}
