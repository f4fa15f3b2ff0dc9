import { machineStatus } from '../emulation/machine/status.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

/** The machine's own binfmt_misc handlers with their flags, and what is known to go wrong with QEMU as it is here. */
export async function checkHandlers({ env, signal }: Machine): Promise<Finding[]> {
  const { binfmt, architectures } = await machineStatus({ env, signal })
  const seen = architectures.flatMap(({ handlers }) =>
    handlers.filter(({ enabled }) => enabled).map(({ name, flags }) => `${name} (${flags || 'no flags'})`),
  )
  const fixes = new Map(architectures.flatMap((one) => one.warnings.map(({ text, fix }) => [text, fix] as const)))
  const warnings = [...fixes].map(([text, fix]) => {
    const whose = architectures
      .filter((one) => one.warnings.some((warning) => warning.text === text))
      .map(({ architecture }) => architecture)
    return here('qemu', 'warning', `${whose.join(', ')}: ${text}`, fix === undefined ? {} : { fix })
  })
  const none =
    binfmt === 'off'
      ? 'all handlers of the machine are switched off'
      : 'the machine has no handlers; builds register their own'
  return [here('handlers', 'ok', seen.length > 0 ? `of the machine: ${seen.join(', ')}` : none), ...warnings]
}
