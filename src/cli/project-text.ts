import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { XbuildError } from '../errors.ts'

/** Files of projects with more bytes than this are refused. */
export const MAX_PROJECT_TEXT: number = 4_000_000

/** The text of a file of a project, of a sane size; nothing when it is not there. A device or a pipe is not read. */
export function readProjectText(path: string, shown: string): string | undefined {
  const fail = (state: string, cause?: unknown) =>
    new XbuildError('BAD_OPTION', `Cannot read "${shown}": ${state}`, { cause })
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fail(message, cause)
  }
  try {
    const found = fstatSync(file)
    if (!found.isFile()) throw fail('it is not a regular file')
    if (found.size > MAX_PROJECT_TEXT) throw fail(`it is larger than ${MAX_PROJECT_TEXT / 1e6} MB`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** The text that somebody pipes in, of the same size at most. */
export async function readPipedText(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array)
    size += bytes.length
    if (size > MAX_PROJECT_TEXT)
      throw new XbuildError('BAD_OPTION', `Cannot read standard input: it is larger than ${MAX_PROJECT_TEXT / 1e6} MB`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}
