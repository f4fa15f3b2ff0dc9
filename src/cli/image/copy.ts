import { resolve } from 'node:path'
import type { CopyCommand } from '../../config/image-command.ts'
import { XbuildError } from '../../errors.ts'
import { archiveTarget } from '../../image/archive-target.ts'
import { copyImage } from '../../image/copy.ts'
import { layoutTarget } from '../../image/layout-target.ts'
import { registryTarget } from '../../image/registry-target.ts'
import type { ImageTarget } from '../../image/target.ts'
import type { ImageName } from '../../oci/image-name.ts'
import { formatCopied, toJson } from '../../ui/image.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { withImages, type ImageEdges } from './open.ts'

/** `xbuild image copy`: the digest on stdout, what was moved on stderr. */
export async function runCopy(command: CopyCommand, terminal: Terminal): Promise<number> {
  const { from, to, cwd, referrers, json, force, allowPlatformDrop } = command
  const copied = await withImages(command, terminal, async (edges) => {
    const target = await targetOf(to, { ...edges, cwd, force, allowPlatformDrop })
    return copyImage({ ...edges, source: await edges.open(from), target, referrers })
  })
  const { root, ...counts } = copied
  if (!json) terminal.stderr.write(formatCopied(counts))
  await print(
    terminal.stdout,
    json ? toJson({ digest: root.descriptor.digest, ...counts }) : `${root.descriptor.digest}\n`,
  )
  return 0
}

async function targetOf(
  to: ImageName,
  { cwd, registry, emit, ...how }: ImageEdges & Pick<CopyCommand, 'cwd' | 'force' | 'allowPlatformDrop'>,
): Promise<ImageTarget> {
  switch (to.kind) {
    case 'registry':
      return registryTarget(to.ref, registry, emit, how)
    case 'oci':
      return layoutTarget(resolve(cwd, to.path), layoutName(to.name))
    case 'oci-archive':
      return archiveTarget(resolve(cwd, to.path), layoutName(to.name))
    case 'docker-daemon':
      throw new XbuildError(
        'UNSUPPORTED',
        `Cannot copy to "docker-daemon:${to.name}": an engine takes images only in its own form`,
        {
          hint: 'Copy to oci-archive:FILE and use docker load (Docker 25 or later), or use docker pull',
        },
      )
  }
}

/** Names in a layout are tags. Throws BAD_REFERENCE for a digest. */
function layoutName(name: string | undefined): string | undefined {
  if (name === undefined || !name.includes(':')) return name
  throw new XbuildError('BAD_REFERENCE', `Cannot name the copy "${name}": a digest is no name`, { hint: 'Give a tag' })
}
