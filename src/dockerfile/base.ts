import { XbuildError, type SourcePosition } from '../errors.ts'
import { parsePlatform, type Platform } from '../platform.ts'
import { shorten } from './flags.ts'
import type { GraphScope } from './graph-scope.ts'
import { contextNamed, sourceOfContext } from './sources.ts'
import { suggestionHint } from '../did-you-mean.ts'
import type { StageSource } from './types.ts'
import { expandWord } from './words.ts'

/** What FROM names: an earlier stage, a build context, nothing, or an image. */
export function resolveBase(scope: GraphScope, index: number): StageSource {
  const { dockerfile, options } = scope
  const { from } = dockerfile.stages[index]!
  const image = expandFrom(scope, from.image, { what: 'image name', at: from.at })
  if (image === undefined) return { kind: 'scratch' }
  const indexes = scope.named.get(image) ?? []
  const earlier = indexes.findLast((other) => other < index)
  if (earlier !== undefined) {
    const context = contextNamed(image, options.namedContexts)
    return context === undefined ? { kind: 'stage', index: earlier } : sourceOfContext(context, options)
  }
  const later = indexes.find((other) => other > index)
  if (later !== undefined) {
    const { line } = dockerfile.stages[later]!.from.at
    scope.warn(
      'forward-from',
      from.at,
      `"${image}" is treated as an image: the stage of that name starts later, at line ${line}`,
      'Move that stage up if you mean the stage',
    )
  }
  const context = contextNamed(image, options.namedContexts)
  if (context !== undefined) return sourceOfContext(context, options)
  return image === 'scratch' ? { kind: 'scratch' } : { kind: 'image', ref: image }
}

/** The platform that FROM asks for, if it asks for one. */
export function expandPlatform(scope: GraphScope, index: number): Platform | undefined {
  const { from } = scope.dockerfile.stages[index]!
  if (from.platform === undefined) return undefined
  const text = expandFrom(scope, from.platform, { what: 'platform', at: from.at })
  if (text === undefined) return undefined
  try {
    return parsePlatform(text)
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    scope.fail('bad-platform', from.at, error.message, error.hint)
    return undefined
  }
}

/** A part of FROM with global ARGs replaced; an empty result is an error. */
function expandFrom(
  scope: GraphScope,
  text: string,
  { what, at }: { what: string; at: SourcePosition },
): string | undefined {
  const unset: string[] = []
  const lookup = (name: string): string | undefined => {
    if (Object.hasOwn(scope.args.global, name)) return scope.args.global[name]
    unset.push(name)
    return undefined
  }
  let value = ''
  try {
    value = expandWord(text, { lookup, escape: scope.dockerfile.directives.escape })
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    scope.fail('bad-expansion', at, error.message, error.hint)
    return undefined
  }
  if (value !== '') return value
  if (text === '') return undefined // said by the parser
  const [name] = unset
  const similar = name === undefined ? undefined : suggestionHint(name, Object.keys(scope.args.global))
  const declare = `Write ARG ${name}=VALUE before the first FROM, or use --build-arg with it`
  const hint = name === undefined ? 'Give its ARG a value' : (similar ?? declare)
  scope.fail('empty-from', at, `Cannot use ${what} "${shorten(text)}": it is empty`, hint)
  return undefined
}
