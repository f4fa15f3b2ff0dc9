import { XbuildError } from '../errors.ts'

/**
 * Writes a text and waits until the stream took it. A reader that went away is no error: `xbuild help | head -1`.
 * Throws HOST.
 */
export async function print(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (text === '') return
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (!error || error.code === 'EPIPE') resolve()
      else reject(new XbuildError('HOST', `Cannot write output: ${error.message}`, { cause: error }))
    })
  })
}
