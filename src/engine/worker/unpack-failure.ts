import { XbuildError } from '../../errors.ts'
import { shownName } from '../../oci/tar-decode.ts'
import type { TarEntry } from '../../oci/tar-format.ts'

/** The disk, not the archive, is to blame. */
const OF_THE_DISK: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE'])

/** What the file system says about an entry, with its name; other errors come back as they are. */
export function unpackFailure(error: unknown, entry: TarEntry): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (error instanceof XbuildError || code === undefined || syscall === undefined || OF_THE_DISK.has(code)) return error
  const name = shownName(entry.path)
  if (code === 'EINVAL' && syscall.includes('chown')) {
    return new XbuildError(
      'HOST',
      `Cannot unpack "${name}": its owner ${entry.uid}:${entry.gid} is not in the range of ids of this user`,
      {
        cause: error,
        hint: 'Give the user a longer range in /etc/subuid and /etc/subgid, or run as root',
      },
    )
  }
  return new XbuildError('BAD_IMAGE', `Cannot unpack "${name}": ${shownName(message.replace(/, .*$/s, ''))}`, {
    cause: error,
  })
}
