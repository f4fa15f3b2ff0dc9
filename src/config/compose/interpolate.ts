/** What a variable stands for, and what is said of those that stand for nothing. */
export interface Variables {
  get(name: string): string | undefined
  /** A variable that is not set and has no default. */
  unset(name: string): void
}

/** A template that cannot be filled in. */
export class TemplateError extends Error {}

const MAX_DEPTH = 100
/** Beyond it a file is not meant to be read. */
const MAX_RESULT = 4_000_000

/**
 * Fills `$NAME`, `${NAME}` and `${NAME:-default}` in, with `-`, `:?`, `?`, `:+` and `+` in the same place; `$$` is a
 * dollar sign, and a dollar sign before anything else stays. Throws `TemplateError`.
 */
export function interpolate(text: string, variables: Variables, depth = 0): string {
  if (!text.includes('$')) return text
  if (depth > MAX_DEPTH) throw new TemplateError('it is nested too deeply')
  let result = ''
  let at = 0
  for (let dollar = text.indexOf('$'); dollar !== -1; dollar = text.indexOf('$', at)) {
    result += text.slice(at, dollar)
    const next = text[dollar + 1]
    const [name] = NAME.exec(text.slice(dollar + 1, dollar + 1000)) ?? []
    if (next === '$') {
      result += '$'
      at = dollar + 2
    } else if (name !== undefined) {
      result += valueOf(name, variables)
      at = dollar + 1 + name.length
    } else if (next === '{') {
      const end = endOf(text, dollar + 1)
      result += braced(text.slice(dollar + 2, end), variables, depth)
      at = end + 1
    } else {
      result += '$'
      at = dollar + 1
    }
    if (result.length > MAX_RESULT) throw new TemplateError('it comes to more than 4 MB')
  }
  return result + text.slice(at)
}

const NAME = /^[_a-zA-Z][_a-zA-Z0-9]*/

/** The brace that closes the one at `from`; where none does, the last one of the line. */
function endOf(text: string, from: number): number {
  let open = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (char === '\n') break
    if (char === '{') open += 1
    if (char === '}' && --open === 0) return at
  }
  const newline = text.indexOf('\n', from)
  const last = text.lastIndexOf('}', newline === -1 ? text.length : newline)
  if (last > from) return last
  throw new TemplateError('"${" is not closed')
}

/** What is in the braces. */
function braced(content: string, variables: Variables, depth: number): string {
  const [name] = NAME.exec(content) ?? []
  if (name === undefined)
    throw new TemplateError(`"\${${content}}" has no name of a variable: write $$ for a dollar sign`)
  const rest = content.slice(name.length)
  if (rest === '') return valueOf(name, variables)
  const [operator = ''] = /^:?[-?+]/.exec(rest) ?? []
  if (operator === '') throw new TemplateError(`"\${${content}}" is not of a form that compose knows`)
  const value = variables.get(name)
  const isThere = value !== undefined && (!operator.startsWith(':') || value !== '')
  const word = () => interpolate(rest.slice(operator.length), variables, depth + 1)
  if (operator.endsWith('+')) return isThere ? word() : (value ?? '')
  if (isThere) return value
  if (operator.endsWith('-')) return word()
  const reason = word()
  throw new TemplateError(`the variable "${name}" is missing${reason === '' ? '' : `: ${reason}`}`)
}

function valueOf(name: string, { get, unset }: Variables): string {
  const value = get(name)
  if (value === undefined) unset(name)
  return value ?? ''
}
