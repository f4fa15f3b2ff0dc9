import { resolve } from 'node:path'
import type { AuditCommand } from '../../config/image-command.ts'
import { ignoreMatcher } from '../../dockerfile/ignore.ts'
import { auditPublished } from '../../image/audit.ts'
import { defaultStoreRoot } from '../../store/folder.ts'
import { openStore } from '../../store/store.ts'
import { formatAudited, toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages } from './open.ts'

/** `xbuild image audit`: findings on stdout; exit code 1 when something will certainly fail. */
export async function runImageAudit(command: AuditCommand, terminal: Terminal): Promise<number> {
  const { platforms, except, cwd, json } = command
  const matcher = ignoreMatcher(except)
  const found = await withImages(command, terminal, async ({ open, signal }) => {
    const root =
      command.store === undefined
        ? defaultStoreRoot(terminal.env, process.geteuid?.() ?? 0)
        : resolve(cwd, command.store)
    const store = await openStore(root)
    const isExcepted = (path: string) => matcher.matches(path)
    return auditPublished(await open(command.name), { store, platforms, isExcepted, signal })
  })
  await print(terminal.stdout, json ? toJson(found) : formatAudited(found))
  return found.some(({ fails }) => fails) ? 1 : 0
}
