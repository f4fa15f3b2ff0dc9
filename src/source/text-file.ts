import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { XbuildError } from '../errors.ts'
import { MAX_DOCKERFILE } from './stdin.ts'

/**
 * The text of a file that came with a build, like its Dockerfile. Throws BAD_DOCKERFILE for what is no file, such as a
 * pipe or a device that never ends, and for one that is too large; and what the system says.
 */
export async function readTextFile(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const found = await handle.stat()
    if (found.size > MAX_DOCKERFILE) throw refused(path, `it has ${found.size} bytes, more than ${MAX_DOCKERFILE}`)
    // A folder is told by the system, when it is read
    if (!found.isFile() && !found.isDirectory()) throw refused(path, 'it is not a regular file')
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

function refused(path: string, state: string): XbuildError {
  return new XbuildError('BAD_DOCKERFILE', `Cannot read "${path}": ${state}`, { hint: 'Put a text file there' })
}
