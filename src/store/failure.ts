import { XbuildError } from '../errors.ts'

const REASONS: Readonly<Record<string, readonly [state: string, hint: string]>> = {
  ENOSPC: ['no space left on device', 'Free space, or name another folder with --store or XBUILD_HOME'],
  EDQUOT: ['the disk quota is used up', 'Free space, or name another folder with --store or XBUILD_HOME'],
  EROFS: ['the file system is read-only', 'Name another folder with --store or XBUILD_HOME'],
  EACCES: ['permission denied', 'Name a folder that you may write to with --store or XBUILD_HOME'],
  EIO: ['the disk fails', 'Name a folder on another disk with --store or XBUILD_HOME'],
}

/** Whether an error says that there is no room for what was to be written. */
export function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** What the file system says about the store as a STORE error; other errors come back as they are. */
export function storeFailure(root: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  const reason = code !== undefined && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined
  if (error instanceof XbuildError || syscall === undefined || reason === undefined) return error
  return new XbuildError('STORE', `Cannot write into the store "${root}": ${reason[0]}`, {
    cause: error,
    hint: reason[1],
  })
}
