import { shorten } from '../flags.ts'
import { cutField, splitWords } from '../split.ts'
import type { ArgInstruction, EnvInstruction, KeyValue, LabelInstruction } from '../types.ts'
import { failArguments, flagsOf, type Request } from './request.ts'

/** `ENV` and `LABEL`: `key=value ...`, or one key and the rest of the line. */
export function parsePairs(request: Request): EnvInstruction | LabelInstruction | undefined {
  flagsOf(request, {})
  const { name, at, text, rest, escape } = request
  const words = splitWords(rest, escape)
  const usage = `Write ${name} KEY=VALUE`
  if (words.length === 0) return failArguments(request, 'it has no arguments', usage)
  const pairs: KeyValue[] = []
  if (!words[0]!.includes('=')) {
    const { first: key, rest: value } = cutField(rest)
    if (value === '') return failArguments(request, `"${shorten(key)}" has no value`, usage)
    pairs.push({ key, value, legacy: true })
  } else {
    for (const word of words) {
      const equals = word.indexOf('=')
      if (equals === -1)
        return failArguments(
          request,
          `"${shorten(word)}" has no "="`,
          `${usage}, with quotes around a value that has blanks`,
        )
      if (equals === 0) return failArguments(request, `"${shorten(word)}" has no name`, usage)
      pairs.push({ key: word.slice(0, equals), value: word.slice(equals + 1) })
    }
  }
  return { kind: name === 'ENV' ? 'env' : 'label', at, text, pairs }
}

/** `ARG NAME[=DEFAULT] ...` */
export function parseArg(request: Request): ArgInstruction | undefined {
  flagsOf(request, {})
  const { at, text, rest, escape } = request
  const words = splitWords(rest, escape)
  if (words.length === 0) return failArguments(request, 'it has no arguments', 'Write ARG NAME[=DEFAULT]')
  const args: { name: string; value?: string }[] = []
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals === 0) return failArguments(request, `"${shorten(word)}" has no name`, 'Write ARG NAME[=DEFAULT]')
    args.push(equals === -1 ? { name: word } : { name: word.slice(0, equals), value: word.slice(equals + 1) })
  }
  return { kind: 'arg', at, text, args }
}
