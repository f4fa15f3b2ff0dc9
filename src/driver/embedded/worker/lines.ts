import { StringDecoder } from 'node:string_decoder'

/** A line longer than this is handed on in pieces, so that a program without newlines cannot fill memory. Characters. */
const MAX_LINE = 16 << 10

/** Calls `line` for every line of a stream, the unfinished last one too. */
export function onLines(stream: NodeJS.ReadableStream, line: (text: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    rest += decoder.write(chunk)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) line(text.endsWith('\r') ? text.slice(0, -1) : text)
    while (rest.length > MAX_LINE) {
      line(rest.slice(0, MAX_LINE))
      rest = rest.slice(MAX_LINE)
    }
  })
  stream.once('end', () => {
    rest += decoder.end()
    if (rest !== '') line(rest)
  })
}
