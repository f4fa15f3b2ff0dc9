/** Characters of a field of a package; longer ones are no name and no version. */
const MAX_FIELD = 512

/** A field of a package as one line, or nothing for what cannot be one. */
export function fieldOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const line = text.trim()
  return line === '' || line.length > MAX_FIELD || /[\u0000-\u001f\u007f]/.test(line) ? undefined : line
}

/** The paragraphs of a control file (deb822): fields by lower-case name, of which only the first line counts. */
export function paragraphs(text: string): ReadonlyMap<string, string>[] {
  return text
    .split(/\n[ \t]*\n/)
    .map(fieldsOf)
    .filter((fields) => fields.size > 0)
}

/** The fields at the beginning of a text, up to its first empty line. */
export function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0 || /^\s/.test(line)) continue
    const name = line.slice(0, colon).toLowerCase()
    if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim())
  }
  return fields
}
