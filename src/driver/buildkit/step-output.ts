import { StringDecoder } from 'node:string_decoder'
import { createLines, type CutLine, type Lines } from '../../content/lines.ts'

/** What a step says, as lines. */
export interface StepOutput {
  push(stream: bigint, bytes: Uint8Array, at: number): void
  /** No more will come: hands on lines without an end. */
  flush(): void
  /** The last lines. */
  readonly last: readonly string[]
}

export interface SaidLine {
  readonly stream: 'stdout' | 'stderr'
  readonly line: string
  readonly at: number
}

/** The beginning of a line, and maybe of a character. */
interface OpenLine {
  readonly lines: Lines
  readonly decoder: StringDecoder
}

const KEPT_LINES = 50
/** As BuildKit numbers the streams of a program. */
const STDERR = 2n

export function createStepOutput(onLine: (said: SaidLine) => void, cut?: CutLine): StepOutput {
  const open = new Map<bigint, OpenLine>()
  const last: string[] = []
  let saidAt = 0

  function say(stream: bigint, line: string): void {
    last.push(line)
    if (last.length > KEPT_LINES) last.shift()
    onLine({ stream: stream === STDERR ? 'stderr' : 'stdout', line, at: saidAt })
  }

  function openLine(stream: bigint): OpenLine {
    const line = { lines: createLines((text) => say(stream, text), cut), decoder: new StringDecoder('utf8') }
    open.set(stream, line)
    return line
  }

  return {
    last,
    push(stream, bytes, at) {
      const { lines, decoder } = open.get(stream) ?? openLine(stream)
      saidAt = at
      lines.push(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))
    },
    flush() {
      if (open.size > 0) saidAt = Date.now()
      for (const { lines } of open.values()) lines.end()
      open.clear()
    },
  }
}
