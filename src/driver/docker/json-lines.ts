const MAX_LINE = 1 << 20

/**
 * The JSON objects of a stream, one on each line; other lines are left out. A line without an end is cut off, so that
 * it cannot fill the memory.
 */
export async function* jsonLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<object, void, undefined> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n')
    rest = lines.pop()!.slice(0, MAX_LINE)
    for (const line of lines) yield* parsed(line)
  }
  yield* parsed(rest)
}

function* parsed(line: string): Generator<object, void, undefined> {
  if (line.trim() === '') return
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) yield value
  } catch {
    // an engine that says something else does not say it to us
  }
}
