import { XbuildError } from '../errors.ts'

/**
 * The records of a text, each a list of fields: comma between fields, a line each, `"..."` around a field that holds
 * commas, lines or `""`. A quote inside of a field is text, as is all that follows a closed quote. With `quote: false`
 * quotes are text everywhere. `label` names the text in the error for a quote that is never closed, BAD_OPTION.
 */
export function readCsv(
  text: string,
  { quote, label }: { readonly quote: boolean; readonly label: string },
): string[][] {
  const records: string[][] = []
  let fields: string[] = []
  let field = ''
  let [quoting, wasQuoted] = [false, false]
  const endField = (): void => {
    fields.push(field)
    field = ''
  }
  const endRecord = (): void => {
    const isEmptyLine = fields.length === 0 && field === '' && !wasQuoted
    endField()
    if (!isEmptyLine) records.push(fields)
    fields = []
    wasQuoted = false
  }
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!
    if (quoting) {
      const next = text[at + 1]
      if (sign !== '"') field += sign
      else if (next === '"') {
        field += sign
        at++
      } else {
        quoting = false
        // More follows in the same field: then its quotes were text
        if (next !== undefined && !',\r\n'.includes(next)) field = `"${field}"`
      }
    } else if (sign === '"' && quote && field === '') quoting = wasQuoted = true
    else if (sign === ',') endField()
    else if (sign === '\n' || sign === '\r') {
      if (sign === '\r' && text[at + 1] === '\n') at++
      endRecord()
    } else field += sign
  }
  if (quoting)
    throw new XbuildError('BAD_OPTION', `Cannot read input "${label}": a quote is not closed`, {
      hint: 'Write "" for a quote inside of quotes',
    })
  endRecord()
  return records
}

/** The fields of one record, like `type=local,"dest=a,b"`. */
export function readFields(text: string, label: string): string[] {
  return (readCsv(text, { quote: true, label })[0] ?? []).map((field) => field.trim())
}
