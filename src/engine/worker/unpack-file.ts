import { closeSync, constants, fchmodSync, fchownSync, ftruncateSync, futimesSync, writeSync } from 'node:fs'
import { openSync } from '../../host/byte-files.ts'
import type { TarEntry } from '../../oci/tar-format.ts'
import type { TarSink } from '../../oci/tar-reader.ts'
import { fileTime } from './file-time.ts'
import { unpackFailure } from './unpack-failure.ts'

/** Writes the files of an archive, one after the other. */
export interface FileWriter extends Required<Pick<TarSink, 'data' | 'hole' | 'end'>> {
  /** Makes a file that is not there yet; what follows goes into it. */
  open(target: string, entry: TarEntry): void
  /** Closes the file that is being written, if any. */
  close(): void
}

export function createFileWriter(): FileWriter {
  let file: { readonly fd: number; readonly entry: TarEntry; at: number } | undefined

  return {
    open(target, entry) {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
      file = { fd: openSync(target, flags, 0o600), entry, at: 0 }
    },
    data(chunk) {
      if (!file) return
      for (let at = 0; at < chunk.length; ) {
        const written = writeSync(file.fd, chunk, at, chunk.length - at, file.at)
        at += written
        file.at += written
      }
    },
    /** It takes no room on the disk, whatever an archive says its size is. */
    hole(bytes) {
      if (!file) return
      file.at += bytes
      ftruncateSync(file.fd, file.at)
    },
    end() {
      if (!file) return
      const { fd, entry } = file
      try {
        fchownSync(fd, entry.uid, entry.gid)
        fchmodSync(fd, entry.mode) // after the owner: changing that clears setuid
        futimesSync(fd, fileTime(entry.mtime), fileTime(entry.mtime))
      } catch (error) {
        throw unpackFailure(error, entry)
      } finally {
        close()
      }
    },
    close,
  }

  function close(): void {
    if (file) closeSync(file.fd)
    file = undefined
  }
}
