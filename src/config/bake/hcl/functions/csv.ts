import { FunctionError } from '../function.ts'

/** The records of a CSV text: quoted fields with doubled quotes, empty lines passed over, all of one length. */
export function parseCsv(source: string): string[][] {
  const records: string[][] = []
  let offset = 0
  while (offset < source.length) {
    const blank = /\r?\n/y
    blank.lastIndex = offset
    if (blank.test(source)) {
      offset = blank.lastIndex
      continue
    }
    const read = record(source, offset)
    if (records[0] && read.fields.length !== records[0].length)
      throw new FunctionError(
        `record ${records.length + 1} has ${read.fields.length} fields, the first has ${records[0].length}`,
      )
    records.push(read.fields)
    offset = read.end
  }
  return records
}

/** The fields of one line, as flags with commas have them. */
export function csvFields(source: string): string[] {
  return source === '' ? [] : record(source, 0).fields
}

function record(source: string, start: number): { fields: string[]; end: number } {
  const fields: string[] = []
  let offset = start
  for (;;) {
    if (source[offset] === '"') {
      const quoted = /"((?:[^"]|"")*)"/y
      quoted.lastIndex = offset
      const found = quoted.exec(source)
      if (!found) throw new FunctionError('a quoted field has no end')
      fields.push(found[1]!.replaceAll('""', '"').replaceAll('\r\n', '\n'))
      offset = quoted.lastIndex
    } else {
      const bare = /(?:[^,\r\n]|\r(?!\n|$))*/y
      bare.lastIndex = offset
      const found = bare.exec(source)![0]
      if (found.includes('"')) throw new FunctionError('a field without quotes has a quote in it')
      fields.push(found)
      offset = bare.lastIndex
    }
    if (source[offset] === ',') offset += 1
    else if (offset >= source.length || source.slice(offset) === '\r') return { fields, end: source.length }
    else if (source.startsWith('\n', offset)) return { fields, end: offset + 1 }
    else if (source.startsWith('\r\n', offset)) return { fields, end: offset + 2 }
    else throw new FunctionError('a "," is expected after a quoted field')
  }
}
