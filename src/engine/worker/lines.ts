import { StringDecoder } from 'node:string_decoder'
import { createLines, type CutLine } from '../../content/lines.ts'

/** Gets the lines of a piece of output. Nothing more is read until what it gives back settles. */
export type TakeLines = (lines: readonly string[]) => Promise<void> | undefined

/**
 * Gives `take` the lines of a stream, the unfinished last one too. Who writes faster than lines are taken must wait:
 * what waits here would grow without end.
 */
export function onLines(stream: NodeJS.ReadableStream, take: TakeLines, cut?: CutLine): void {
  const decoder = new StringDecoder('utf8')
  let found: string[] = []
  const lines = createLines((line) => void found.push(line), cut)
  const taken = () => {
    if (found.length === 0) return undefined
    const all = found
    found = []
    return take(all)
  }
  stream.on('data', (chunk: Buffer) => {
    lines.push(decoder.write(chunk))
    const wait = taken()
    if (!wait) return
    stream.pause()
    void wait.finally(() => stream.resume())
  })
  stream.once('end', () => {
    lines.push(decoder.end())
    lines.end()
    void taken()
  })
}
