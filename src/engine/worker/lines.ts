import { StringDecoder } from 'node:string_decoder'
import { createLines, type CutLine } from '../../content/lines.ts'

/** Calls `line` for every line of a stream, the unfinished last one too. */
export function onLines(stream: NodeJS.ReadableStream, line: (text: string) => void, cut?: CutLine): void {
  const decoder = new StringDecoder('utf8')
  const lines = createLines(line, cut)
  stream.on('data', (chunk: Buffer) => lines.push(decoder.write(chunk)))
  stream.once('end', () => {
    lines.push(decoder.end())
    lines.end()
  })
}
