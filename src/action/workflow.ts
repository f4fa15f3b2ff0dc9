/** A place in a file that an annotation points to; lines count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly endLine?: number
}

/** The data of a workflow command: lines and percent signs are encoded. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

/** A property of a workflow command: colons and commas, too. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/** A workflow command as the line that the runner acts on. Properties without a value are left out. */
export function command(
  name: string,
  data = '',
  properties: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const pairs = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [`${key}=${escapeProperty(String(value))}`],
  )
  return `::${name}${pairs.length > 0 ? ` ${pairs.join(',')}` : ''}::${escapeData(data)}`
}

/** An annotation at a line of a file, or of the whole run. */
export function annotation(
  level: 'error' | 'warning' | 'notice',
  message: string,
  { title, at }: { readonly title?: string; readonly at?: Place | undefined } = {},
): string {
  return command(level, message, {
    title,
    ...(at ? { file: at.file, line: at.line, endLine: at.endLine } : {}),
  })
}

/**
 * An entry for the files that GITHUB_OUTPUT and GITHUB_STATE name. `delimiter` is a text that nobody can guess: a value
 * that holds it as a line would write entries of its own. Throws RangeError for such a value.
 */
export function fileEntry(name: string, value: string, delimiter: string): string {
  if (name.includes(delimiter) || value.includes(delimiter)) throw new RangeError('The value holds its delimiter')
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`
}

/** Shortest line of a secret that is masked: a brace or a number masked would blacken the whole log. */
const SHORTEST = 3

/**
 * The commands that mask a secret: the whole value, and each line of one that has several, since a log shows single
 * lines.
 */
export function maskCommands(value: string): string[] {
  const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim())
  const parts = [value, ...(lines.length > 1 ? lines.filter((line) => line.length >= SHORTEST) : [])]
  return [...new Set(parts)].filter((part) => part.trim() !== '').map((part) => command('add-mask', part))
}
