import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { MOST_LEG_BYTES } from '../../ci/leg-file.ts'
import { XbuildError } from '../../errors.ts'

/**
 * The bytes of a leg's file, which another user may have made; undefined when there is none. Throws BAD_IMAGE for a
 * link, a pipe and the like, and for one that is too large.
 */
export async function readLegBytes(path: string): Promise<Uint8Array | undefined> {
  const refuse = (state: string) => new XbuildError('BAD_IMAGE', `Cannot read the leg "${path}": ${state}`)
  // Opening a pipe would wait for somebody who writes into it
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw refuse(error.code === 'ELOOP' ? 'it is a symbolic link' : error.message)
  })
  try {
    const stats = await file?.stat()
    if (stats && !stats.isFile()) throw refuse('it is no file')
    if (stats && stats.size > MOST_LEG_BYTES) throw refuse(`it has more than ${MOST_LEG_BYTES} bytes`)
    return await file?.readFile()
  } finally {
    await file?.close()
  }
}
