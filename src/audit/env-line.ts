/** The program that a script's `#! .../env` line starts; `isSure` when it is looked for in the PATH of the image. */
export interface EnvProgram {
  readonly name: string
  readonly isSure: boolean
}

/** Options with a value in the next word. */
const WITH_VALUE = /^(?:-[iv0]*[uCa]|--(?:unset|chdir|argv0))$/
const SPLIT = /^(?:-[iv0]*S|--split-string(?:=|$))/

/** Reads the words after `env` as GNU's does (coreutils, "env invocation"); nothing where they name no program. */
export function envProgram(words: readonly string[]): EnvProgram | undefined {
  const [first = '', ...others] = words
  const split = SPLIT.exec(first)
  const all = split ? [first.slice(split[0].length), ...others].filter((word) => word !== '') : words
  let isSure = true
  for (let at = 0; at < all.length; at += 1) {
    const word = all[at]!
    if (WITH_VALUE.test(word)) at += 1
    else if (word.includes('=')) isSure &&= !word.startsWith('PATH=')
    else if (!word.startsWith('-')) return { name: word, isSure: isSure && /^[\w./+@:-]+\r?$/.test(word) }
    else isSure &&= !/^-(?:[v0]*i|-ignore-environment$|$)/.test(word)
  }
  return undefined
}
