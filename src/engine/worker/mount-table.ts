import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { readlinkSync } from '../../host/byte-files.ts'

/** As many as runtimes follow. */
export const MAX_LINKS = 255

/** Where in a container something of the machine appears. */
export interface SeenMount {
  readonly destination: string
  readonly type: string
  readonly source: string
}

/** What is mounted in a container: real paths in it, in the order of mounting; without a source the machine has no folder of it. */
export type MountTable = readonly { readonly at: string; readonly source: string | undefined }[]

/**
 * Where the mounts of a container go: each on top of those before it, whose links count. Throws BAD_IMAGE for one that
 * would cover the root of the image: what a runtime writes into /dev afterwards would follow links of what is mounted.
 */
export function mountTable(root: string, mounts: readonly SeenMount[]): MountTable {
  const table: { at: string; source: string | undefined }[] = []
  for (const { destination, type, source } of mounts)
    table.push({ at: placeOf(root, table, destination), source: type === 'bind' ? source : undefined })
  return table
}

/** A path without links in it; nothing below a mount of which the machine has no folder. */
export function hostPath(root: string, mounts: MountTable, path: string): string | undefined {
  const over = overPath(mounts, path)
  if (!over) return join(root, path)
  return over.source === undefined ? undefined : join(over.source, path.slice(over.at.length))
}

/** The mount that is seen at a path. */
export function overPath(mounts: MountTable, path: string): MountTable[number] | undefined {
  return mounts.findLast(({ at }) => path === at || path.startsWith(`${at}/`))
}

/** Where a symbolic link leads; nothing for what is none, or none any more. */
export function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['EINVAL', 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(code)) return undefined
    throw error
  }
}

/** The last part first. */
export function partsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .reverse()
}

function placeOf(root: string, mounts: MountTable, destination: string): string {
  const rest = partsOf(destination)
  let real: string[] = []
  for (let links = 0; ; ) {
    const name = rest.pop()
    if (name === undefined) break
    if (name === '..') {
      real.pop()
      continue
    }
    const full = `/${[...real, name].join('/')}`
    const own = overPath(mounts, full) ? undefined : /^\/(?:proc|sys|dev)(?=\/|$)/.exec(full)?.[0]
    if (own !== undefined) {
      // Links of the kernel lead to the root: by themselves in /proc, with dots behind them in /sys
      if (own === '/proc' && rest.length > 0) throw refused(destination, 'it leads into /proc')
      if (own === '/sys' && rest.includes('..')) throw refused(destination, 'it leads through /sys')
      real.push(name)
      continue
    }
    const host = hostPath(root, mounts, full)
    const target = host === undefined ? undefined : linkAt(host)
    if (target === undefined) {
      real.push(name)
      continue
    }
    if ((links += 1) > MAX_LINKS) throw refused(destination, 'too many symbolic links')
    if (target.startsWith('/')) real = []
    rest.push(...partsOf(target))
  }
  if (real.length === 0) throw refused(destination, 'it leads to the root of the image')
  return `/${real.join('/')}`
}

/** The error of a mount that cannot be made in a container. */
export function refused(destination: string, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot mount on "${destination}": ${state}`, {
    hint: 'Mount on a folder or file of the image',
  })
}
