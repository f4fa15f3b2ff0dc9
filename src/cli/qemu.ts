import type { QemuCommand } from '../config/qemu-flags.ts'
import { ARCHITECTURES } from '../emulation/architectures.ts'
import { XbuildError } from '../errors.ts'
import { formatMachine, machineJson } from '../ui/qemu.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild qemu ...`: what is registered on stdout, what was changed on stderr. */
export async function runQemu(command: QemuCommand, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const unknown = command.architectures.find(
    (name) => !ARCHITECTURES.some((architecture) => architecture.name === name),
  )
  if (unknown !== undefined) {
    throw new XbuildError('BAD_OPTION', `Cannot emulate "${unknown}": there is no emulator for it`, {
      hint: `The architectures are ${ARCHITECTURES.map(({ name }) => name).join(', ')}`,
    })
  }
  const say = (line: string) => void stderr.write(`${line}\n`)
  return withSignals(terminal, {
    onStop: () => say('Stopping'),
    work: async (signal) => {
      switch (command.verb) {
        case 'status': {
          const { machineStatus } = await import('../emulation/machine/status.ts')
          const status = await machineStatus({ env, signal, only: command.architectures })
          await print(stdout, command.json ? machineJson(status) : formatMachine(status))
          return 0
        }
        case 'install': {
          const { installHandlers } = await import('../emulation/machine/install.ts')
          await installHandlers(command, { env, signal, say })
          return 0
        }
        case 'uninstall': {
          const { uninstallHandlers } = await import('../emulation/machine/uninstall.ts')
          await uninstallHandlers(command.architectures, { say })
          return 0
        }
      }
    },
  })
}
