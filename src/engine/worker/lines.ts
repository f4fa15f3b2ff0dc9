import { StringDecoder } from 'node:string_decoder'

/**
 * A line longer than this is handed on in pieces, so that a program without newlines cannot fill memory. UTF-16
 * units.
 */
const MAX_LINE = 16 << 10

/** Calls `line` for every line of a stream, the unfinished last one too; a carriage return at its end is dropped. */
export function onLines(stream: NodeJS.ReadableStream, line: (text: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = shorten(lines.pop()!)
    for (const text of lines) line(withoutReturn(shorten(text)))
  })
  stream.once('end', () => {
    rest = shorten(rest + decoder.end())
    if (rest !== '') line(withoutReturn(rest))
  })

  /** Hands on what is too much at the front; gives back the rest. */
  function shorten(text: string): string {
    let left = text
    while (left.length > MAX_LINE) {
      const end = isHighSurrogate(left.charCodeAt(MAX_LINE - 1)) ? MAX_LINE - 1 : MAX_LINE
      line(left.slice(0, end))
      left = left.slice(end)
    }
    return left
  }
}

const isHighSurrogate = (code: number) => code >= 0xd800 && code <= 0xdbff
const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text)
