import { XbuildError } from '../errors.ts'
import { isTarHeader } from '../oci/tar-decode.ts'
import { TAR_BLOCK } from '../oci/tar-format.ts'
import { decompress, TooHungryError } from './decompress.ts'

/**
 * Whether ADD should unpack a file: a tar header, packed or not. Throws HOST when a program would be needed to find
 * out.
 */
export async function isArchive(file: string): Promise<boolean> {
  let head: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of decompress(file)) {
      head = Buffer.concat([head, chunk])
      if (head.length >= TAR_BLOCK) break
    }
  } catch (error) {
    // What only begins like a packed file is a file.
    if (error instanceof XbuildError && error.code === 'BAD_IMAGE' && !(error instanceof TooHungryError)) return false
    throw error
  }
  return isTarHeader(head)
}
