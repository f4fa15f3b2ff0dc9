import { compact } from '../../compact.ts'
import type { Handler } from '../handlers.ts'

/** Who put a handler there, as far as it can be told. */
export interface Origin {
  readonly by: 'xbuild' | 'systemd-binfmt' | 'update-binfmts' | 'a container' | 'unknown'
  /** What registers it again after a reboot; absent: nothing that is known. */
  readonly file?: string
}

export interface OriginFacts {
  /** Files of binfmt.d by the name of the handler. */
  readonly bootFiles: ReadonlyMap<string, string>
  /** Formats of Debian's binfmt-support, by name. */
  readonly formats: ReadonlyMap<string, string>
  readonly interpreterExists: boolean
}

/** Tells who registered a handler by its name and by what lies on this machine. */
export function originOf(
  { name, flags }: Pick<Handler, 'name' | 'flags'>,
  { bootFiles, formats, interpreterExists }: OriginFacts,
): Origin {
  const file = bootFiles.get(name)
  if (/^xbuild-[a-z0-9]+$/.test(name)) return { by: 'xbuild', ...compact({ file }) }
  if (file !== undefined) return { by: 'systemd-binfmt', file }
  const format = formats.get(name)
  if (format !== undefined) return { by: 'update-binfmts', file: format }
  // tonistiigi/binfmt and multiarch/qemu-user-static open a QEMU of their own image, which then shows nowhere
  if (!interpreterExists && flags.includes('F')) return { by: 'a container' }
  return { by: 'unknown' }
}
