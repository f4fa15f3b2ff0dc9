import type { SourcePosition } from '../../errors.ts'
import { XbuildError } from '../../errors.ts'
import { interpolate, TemplateError } from './interpolate.ts'

/**
 * Reads a `.env` file by compose's rules: `export`, comments, quotes, escapes in double quotes, variables in all but
 * single quotes; `outer` wins over what the file itself has said, and that over `earlier` files. Throws BAD_OPTION at
 * its line.
 */
export function parseDotenv(
  text: string,
  file: string,
  outer: (name: string) => string | undefined,
  earlier: Readonly<Record<string, string | undefined>> = {},
): Readonly<Record<string, string>> {
  const values = new Map<string, string>()
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  let at = 0
  for (;;) {
    at = skip(source, at)
    if (at >= source.length) return Object.fromEntries(values)
    const key = keyAt()
    if (!key.assigned) {
      const value = outer(key.name) ?? earlierOf(key.name)
      if (value !== undefined) values.set(key.name, value)
      continue
    }
    values.set(key.name, valueAt())
  }

  function keyAt(): { readonly name: string; readonly assigned: boolean } {
    const [word = ''] = /^export\s+/.exec(source.slice(at)) ?? []
    at += word.length
    const start = at
    for (; at < source.length; at++) {
      const char = source[at]!
      if (/[\t\v\f\r \u0085\u00a0]/.test(char) || /[\p{L}\p{N}_.\-[\]]/u.test(char)) continue
      if (char === '=' || char === ':' || char === '\n') break
      throw fail(start, `"${char}" cannot be in the name of a variable`)
    }
    const name = source.slice(start, at).trimEnd()
    if (name.includes(' ')) throw fail(start, 'the name of a variable holds a space')
    const assigned = at < source.length && source[at] !== '\n'
    at += 1
    if (assigned) while (at < source.length && /[\t\v\f\r \u0085\u00a0]/.test(source[at]!)) at += 1
    return { name, assigned }
  }

  function valueAt(): string {
    const quote = source[at]
    if (quote === '"' || quote === "'") return quoted(quote)
    const end = source.indexOf('\n', at) === -1 ? source.length : source.indexOf('\n', at)
    const start = at
    const raw = source.slice(at, end).split(' #')[0]!.trimEnd()
    at = end + 1
    return expand(raw, start)
  }

  function quoted(quote: string): string {
    const start = at
    let content = ''
    for (at += 1; at < source.length; at++) {
      const char = source[at]!
      if (char === '\\' && source[at + 1] === quote) {
        content += quote
        at += 1
      } else if (char === '\\' && at + 1 < source.length) {
        content += char + source[at + 1]
        at += 1
      } else if (char === quote) {
        at += 1
        return quote === '"' ? expand(unescaped(content), start) : content
      } else content += char
    }
    throw fail(start, 'the quote is not closed')
  }

  function expand(raw: string, start: number): string {
    try {
      return interpolate(raw, { get: (name) => outer(name) ?? values.get(name) ?? earlierOf(name), unset: () => {} })
    } catch (cause) {
      if (cause instanceof TemplateError) throw fail(start, cause.message)
      throw cause
    }
  }

  function earlierOf(name: string): string | undefined {
    return Object.hasOwn(earlier, name) ? earlier[name] : undefined
  }

  function fail(offset: number, state: string): XbuildError {
    const line = source.slice(0, offset).split('\n').length
    const at: SourcePosition = { file, line }
    return new XbuildError('BAD_OPTION', `Cannot read "${file}": ${state}`, { at })
  }
}

/** The next thing that is neither space nor comment. */
function skip(text: string, from: number): number {
  let at = from
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at += 1
    if (text[at] !== '#') return at
    const end = text.indexOf('\n', at)
    at = end === -1 ? text.length : end
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  $: '$$',
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:[abcfnrtv$"\\]|0\d{0,3})/g, (escape) => {
    if (escape[1] !== '0') return ESCAPES[escape[1]!] ?? escape
    const octal = escape.slice(2)
    return /^[0-7]{3}$/.test(octal) && Number.parseInt(octal, 8) < 256
      ? String.fromCharCode(Number.parseInt(octal, 8))
      : escape
  })
}
