/**
 * A line longer than this is handed on in pieces, so that a program without newlines cannot fill memory. UTF-16
 * units.
 */
const MAX_LINE = 16 << 10
/** Nothing is kept together any longer than this: a step may repeat a secret for ever. */
const MAX_WHOLE = 4 << 20

/** Where a text that goes on may be cut in two, at most at `at`: see `Mask.cut`. */
export type CutLine = (text: string, at: number) => number

/** Lines of a text that comes in parts. */
export interface Lines {
  push(part: string): void
  /** Hands on the unfinished last line. */
  end(): void
}

/**
 * Calls `line` for every line; a carriage return at its end is dropped. `cut` says where a long one may be cut: nobody
 * would know the halves of a secret again.
 */
export function createLines(line: (text: string) => void, cut: CutLine = (_, at) => at): Lines {
  let rest = ''
  return {
    push(part) {
      const lines = (rest + part).split('\n')
      const last = lines.pop()!
      for (const text of lines) line(withoutReturn(shorten(text)))
      rest = shorten(last)
    },
    end() {
      const last = shorten(rest)
      rest = ''
      if (last !== '') line(withoutReturn(last))
    },
  }

  /** Hands on what is too much at the front; gives back the rest. */
  function shorten(text: string): string {
    let left = text
    while (left.length > MAX_LINE) {
      const most = isHighSurrogate(left.charCodeAt(MAX_LINE - 1)) ? MAX_LINE - 1 : MAX_LINE
      const end = cut(left, most)
      // A secret that is longer, or may become so
      if (end === 0 && left.length < MAX_WHOLE) break
      line(left.slice(0, end || most))
      left = left.slice(end || most)
    }
    return left
  }
}

const isHighSurrogate = (code: number) => code >= 0xd800 && code <= 0xdbff
const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text)
