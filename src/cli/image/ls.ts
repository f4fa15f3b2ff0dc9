import type { LsCommand } from '../../config/image-command.ts'
import { formatReference } from '../../oci/reference.ts'
import { toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages } from './open.ts'

/** `xbuild image ls`: the tags of a repository, one a line, sorted: not every registry does that. */
export async function runLs(command: LsCommand, terminal: Terminal): Promise<number> {
  const { repository, json } = command
  const all: string[] = []
  await withImages(command, terminal, async ({ registry, signal }) => {
    for await (const tags of registry.tags(repository, { signal })) all.push(...tags)
  })
  all.sort()
  await print(
    terminal.stdout,
    json ? toJson({ name: formatReference(repository), tags: all }) : all.map((tag) => `${tag}\n`).join(''),
  )
  return 0
}
