import { createTarReader } from '../oci/tar-reader.ts'
import { XbuildError } from '../errors.ts'
import { decompress } from './decompress.ts'

/**
 * When the newest file in an archive, packed or not, was changed, in seconds since the epoch; nothing when there is no
 * file in it, or it is no archive.
 */
export async function newestFileTime(file: string, signal: AbortSignal): Promise<number | undefined> {
  let newest: number | undefined
  const reader = createTarReader({
    entry({ type, mtime }) {
      if (type !== 'file' && type !== 'hardlink') return
      const seconds = Math.floor(mtime)
      if (newest === undefined || seconds > newest) newest = seconds
    },
    data() {},
    end() {},
  })
  try {
    for await (const chunk of decompress(file)) {
      signal.throwIfAborted()
      reader.write(chunk)
    }
    reader.finish()
  } catch (error) {
    // What is no archive, or a damaged one, has no time, as with BuildKit; using it says what is wrong with it.
    if (error instanceof XbuildError && error.code === 'BAD_IMAGE') return undefined
    throw error
  }
  return newest
}
