import type { InspectCommand } from '../../config/image-command.ts'
import { inspectImage, inspectPlatform } from '../../image/inspect.ts'
import { formatInspected, formatInspectedPlatform, toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages } from './open.ts'

/** `xbuild image inspect`: a table, JSON or the very bytes on stdout. */
export async function runInspect(command: InspectCommand, terminal: Terminal): Promise<number> {
  const text = await withImages(command, terminal, async ({ open, signal }) => {
    const source = await open(command.name)
    if (command.platform) {
      const { bytes, ...found } = await inspectPlatform(source, command.platform, signal)
      if (command.raw) return bytes.toString()
      return command.json ? toJson(found) : formatInspectedPlatform(found)
    }
    if (command.raw) return (await source.root(signal)).bytes.toString()
    const found = await inspectImage(source, { referrers: command.referrers, signal })
    return command.json ? toJson(found) : formatInspected(found)
  })
  await print(terminal.stdout, text)
  return 0
}
