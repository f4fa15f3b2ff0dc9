/** Characters of a field of a package; longer ones are no name and no version. */
const MAX_FIELD = 512

/** A field of a package as one line, or nothing for what cannot be one. */
export function fieldOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const line = text.trim()
  return line === '' || line.length > MAX_FIELD || /[\u0000-\u001f\u007f]/.test(line) ? undefined : line
}

/** More packages than any file lists; who reads one stops after one more, and whoever keeps them sees that it was cut. */
export const MAX_PACKAGES = 400_000

/** The lines of a text, one at a time: a hostile one has as many as bytes. */
export function* linesOf(text: string): Generator<string, void, undefined> {
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at)
    const end = next < 0 ? text.length : next
    yield text.slice(at, end)
    at = end + 1
  }
}

/** The paragraphs of a control file (deb822): fields by lower-case name, of which only the first line counts. */
export function* paragraphs(text: string): Generator<ReadonlyMap<string, string>, void, undefined> {
  let fields = new Map<string, string>()
  for (const line of linesOf(text)) {
    if (line.trim() !== '') addField(fields, line)
    else if (fields.size > 0) {
      yield fields
      fields = new Map()
    }
  }
  if (fields.size > 0) yield fields
}

/** The fields of a text that is one paragraph. */
export function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) addField(fields, line)
  return fields
}

function addField(fields: Map<string, string>, line: string): void {
  const colon = line.indexOf(':')
  if (colon <= 0 || /^\s/.test(line)) return
  const name = line.slice(0, colon).toLowerCase()
  if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim())
}
