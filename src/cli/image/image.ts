import { assertNever } from '../../errors.ts'
import type { ImageCommand } from '../../config/image-command.ts'
import type { Terminal } from '../terminal.ts'

/** `xbuild image ...`: each verb loads its code. */
export async function runImage(command: ImageCommand, terminal: Terminal): Promise<number> {
  switch (command.verb) {
    case 'inspect':
      return (await import('./inspect.ts')).runInspect(command, terminal)
    case 'create':
      return (await import('./create.ts')).runCreate(command, terminal)
    default:
      return assertNever(command)
  }
}
