import type { VerifyCommand } from '../../config/image-command.ts'
import { verifyImage } from '../../image/verify.ts'
import { formatVerified, toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages } from './open.ts'

/** `xbuild image verify`: what is wrong on stdout; exit code 1 when something is. */
export async function runVerify(command: VerifyCommand, terminal: Terminal): Promise<number> {
  const found = await withImages(command, terminal, async ({ open, signal }) =>
    verifyImage(await open(command.name), { deep: command.deep, referrers: command.referrers, signal }),
  )
  await print(terminal.stdout, command.json ? toJson(found) : formatVerified(found))
  return found.ok ? 0 : 1
}
