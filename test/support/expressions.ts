/** What the expressions of a workflow can name. */
export type Scope = Readonly<Record<string, unknown>>

type Functions = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>

/** The value of `${{ ... }}` where it is all of a text, or the text with every expression filled in. */
export function fill(text: string, scope: Scope, functions: Functions = {}): unknown {
  const whole = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(text)?.[1]
  if (whole !== undefined) return evaluate(whole, scope, functions)
  return text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, code: string) => textOf(evaluate(code, scope, functions)))
}

/** A value as it stands in a text. */
export function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The part of the language of GitHub's workflows that ours use. Throws for all else. */
export function evaluate(code: string, scope: Scope, functions: Functions = {}): unknown {
  const words = code.match(/'(?:[^']|'')*'|[A-Za-z_][\w.-]*|\d+|==|!=|&&|\|\||[!(),]|\S/g) ?? []
  let at = 0
  const known: Functions = { fromJSON: (text) => JSON.parse(textOf(text)), ...functions }
  const expect = (word: string): void => {
    if (words[at++] !== word) throw new Error(`Expected ${word} in: ${code}`)
  }
  const either = (): unknown => {
    let value = both()
    while (words[at] === '||') {
      at++
      const next = both()
      value ||= next
    }
    return value
  }
  const both = (): unknown => {
    let value = compared()
    while (words[at] === '&&') {
      at++
      const next = compared()
      value &&= next
    }
    return value
  }
  const compared = (): unknown => {
    const left = single()
    const sign = words[at]
    if (sign !== '==' && sign !== '!=') return left
    at++
    return (textOf(left) === textOf(single())) === (sign === '==')
  }
  const single = (): unknown => {
    const word = words[at++]
    if (word === undefined) throw new Error(`Unexpected end in: ${code}`)
    if (word === '!') return !single()
    if (word === '(') {
      const value = either()
      expect(')')
      return value
    }
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'")
    if (/^\d/.test(word)) return Number(word)
    if (word === 'true' || word === 'false') return word === 'true'
    if (words[at] === '(') return called(word)
    return word.split('.').reduce<unknown>((value, key) => (value as Scope | undefined)?.[key], scope)
  }
  const called = (name: string): unknown => {
    const run = known[name]
    if (!run) throw new Error(`There is no function ${name}: ${code}`)
    expect('(')
    const args: unknown[] = []
    while (words[at] !== ')') {
      args.push(either())
      if (words[at] === ',') at++
    }
    expect(')')
    return run(...args)
  }
  const value = either()
  if (at < words.length) throw new Error(`Unexpected ${words[at]} in: ${code}`)
  return value
}
