import { assertNever } from '../../errors.ts'
import type { ImageCommand } from '../../config/image-command.ts'
import type { Terminal } from '../terminal.ts'

/** `xbuild image ...`: each verb loads its code. */
export async function runImage(command: ImageCommand, terminal: Terminal): Promise<number> {
  switch (command.verb) {
    case 'inspect':
      return (await import('./inspect.ts')).runInspect(command, terminal)
    case 'ls':
      return (await import('./ls.ts')).runLs(command, terminal)
    case 'copy':
      return (await import('./copy.ts')).runCopy(command, terminal)
    case 'verify':
      return (await import('./verify.ts')).runVerify(command, terminal)
    case 'sign':
      return (await import('./sign.ts')).runSign(command, terminal)
    case 'audit':
      return (await import('./audit.ts')).runImageAudit(command, terminal)
    case 'rm':
      return (await import('./remove.ts')).runRm(command, terminal)
    case 'prune':
      return (await import('./remove.ts')).runImagePrune(command, terminal)
    case 'create':
      return (await import('./create.ts')).runCreate(command, terminal)
    default:
      return assertNever(command)
  }
}
