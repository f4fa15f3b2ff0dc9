/** A `--mount` value as fields; `problem` says what is wrong with its text. */
export interface MountFields {
  readonly fields: readonly { readonly key: string; readonly value?: string }[]
  readonly problem?: string
}

/** Cuts a `--mount` value (one CSV record of `key[=value]`) into its fields; keys are lower-cased. */
export function parseMount(text: string): MountFields {
  const record = parseCsv(text)
  if (!record) return { fields: [], problem: 'its quotes do not match' }
  const fields = record.map((field) => {
    const equals = field.indexOf('=')
    if (equals === -1) return { key: field.toLowerCase() }
    return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) }
  })
  return fields.some(({ key }) => key === '') ? { fields, problem: 'a field is empty' } : { fields }
}

/** What a mount reads from: the value of its `from`, if it has one. */
export function mountFrom(text: string): string | undefined {
  const from = parseMount(text).fields.findLast(({ key }) => key === 'from')?.value
  return from === '' ? undefined : from
}

/** A mount with `expand` applied to every value but `from`. */
export function expandMount(text: string, expand: (value: string) => string): string {
  const { fields } = parseMount(text)
  const written = fields.map(({ key, value }) =>
    value === undefined ? key : `${key}=${key === 'from' ? value : expand(value)}`,
  )
  return written.map(writeField).join(',')
}

function writeField(field: string): string {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

function parseCsv(text: string): string[] | undefined {
  const fields: string[] = []
  let at = 0
  for (;;) {
    let field = ''
    if (text[at] === '"') {
      for (;;) {
        const end = text.indexOf('"', at + 1)
        if (end === -1) return undefined
        field += text.slice(at + 1, end)
        at = end + 1
        if (text[at] !== '"') break
        field += '"'
      }
      if (at < text.length && text[at] !== ',') return undefined
    } else {
      const comma = text.indexOf(',', at)
      const end = comma === -1 ? text.length : comma
      field = text.slice(at, end)
      if (field.includes('"')) return undefined
      at = end
    }
    fields.push(field)
    if (at >= text.length) return fields
    at++
  }
}
