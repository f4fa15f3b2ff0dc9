import { shorten } from '../flags.ts'
import { cutField, cutFlags } from '../split.ts'
import { suggestionHint } from '../../did-you-mean.ts'
import type { FromInstruction, Instruction, OnbuildInstruction } from '../types.ts'
import { failArguments, flagsOf, type Request } from './request.ts'

const FORBIDDEN: ReadonlySet<string> = new Set(['ONBUILD', 'FROM', 'MAINTAINER'])

/** `ONBUILD INSTRUCTION`: kept as text; parsed once here so that its mistakes show where they are written. */
export function parseOnbuild(
  request: Request,
  parse: (request: Request) => Instruction | FromInstruction | undefined,
  names: readonly string[],
): OnbuildInstruction | undefined {
  flagsOf(request, {})
  const { first, rest: all } = cutField(request.rest)
  const name = first.toUpperCase()
  if (name === '') return failArguments(request, 'it has no instruction', 'Write ONBUILD INSTRUCTION')
  if (FORBIDDEN.has(name)) {
    return failArguments(
      request,
      `${name} is not allowed as a trigger`,
      'Use another instruction, or write it in the child image',
    )
  }
  if (!names.includes(name)) {
    request.fail(
      'unknown-instruction',
      `Cannot parse instruction "${shorten(first)}": it is unknown`,
      suggestionHint(name, names),
    )
    return undefined
  }
  const { flags, rest } = cutFlags(all, request.escape)
  if (!parse({ ...request, name, rest, flags })) return undefined
  const bodies = request.heredocs.map(({ raw, name: word }) => `\n${raw}${word}`)
  return { kind: 'onbuild', at: request.at, text: request.text, trigger: request.rest + bodies.join('') }
}
