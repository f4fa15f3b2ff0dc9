import { XbuildError } from '../../errors.ts'
import { parseReference } from '../../oci/reference.ts'
import { suggestionHint } from '../../did-you-mean.ts'
import { expandGlobals } from '../globals.ts'
import type { Dockerfile, FromInstruction, StageArgs } from '../types.ts'
import { expandWord } from '../words.ts'
import type { Finding, Rule } from './rule.ts'
import { inEveryStage, stagesOf } from './rule.ts'

export const undefinedArgInFrom: Rule = {
  name: 'UndefinedArgInFrom',
  description: 'FROM uses a variable that no ARG before the first FROM declares',
  help: 'Write ARG NAME=VALUE before the first FROM',
  severity: 'warning',
  find(subject) {
    const { metaArgs, directives } = subject.dockerfile
    const own = metaArgs.flatMap(({ args }) => args.map(({ name }) => name))
    return inEveryStage(subject, ({ stage }) => {
      const declared = new Set([...own, ...Object.keys(stage.args.global)])
      const { from } = stage.stage
      const names = new Set(
        [from.image, from.platform ?? ''].flatMap(
          (text) => usedIn(text, { args: stage.args, escape: directives.escape }).names,
        ),
      )
      return [...names]
        .filter((name) => !declared.has(name))
        .map(
          (name): Finding => ({
            at: from.at,
            message: `Variable "${name}" of FROM is not declared`,
            ...hintOf(suggestionHint(name, declared, `Write ARG ${name}=VALUE before the first FROM`)),
          }),
        )
    })
  },
}

function hintOf(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint }
}

export const invalidDefaultArgInFrom: Rule = {
  name: 'InvalidDefaultArgInFrom',
  description: 'With the defaults of its ARGs, FROM names no valid image',
  help: 'Give the ARG a default that is valid there',
  severity: 'warning',
  find(subject) {
    const { dockerfile, views } = subject
    const { target, buildPlatform } = views[0]!.graph
    let readable = true
    const args = expandGlobals(dockerfile, { target, buildPlatform, buildArgs: {} }, () => (readable = false))
    if (!readable) return []
    return stagesOf(subject).flatMap(({ from }) => defaultProblem(from, { dockerfile, args }))
  },
}

function defaultProblem(
  from: FromInstruction,
  { dockerfile, args }: { dockerfile: Dockerfile; args: StageArgs },
): Finding[] {
  const { names, value } = usedIn(from.image, { args, escape: dockerfile.directives.escape })
  if (names.length === 0 || value === undefined) return []
  try {
    if (value !== 'scratch') parseReference(value)
    return []
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    return [
      { at: from.at, message: `With the defaults of its ARGs, "${from.image}" is "${value}": no image has that name` },
    ]
  }
}

/** Which variables a part of FROM uses, and what it stands for; no value when it cannot be expanded. */
export function usedIn(
  text: string,
  { args, escape }: { args: StageArgs; escape: '\\' | '`' },
): { names: string[]; value?: string } {
  const names: string[] = []
  const lookup = (name: string): string | undefined => {
    names.push(name)
    return Object.hasOwn(args.global, name) ? args.global[name] : undefined
  }
  try {
    return { value: expandWord(text, { lookup, escape }), names }
  } catch (error) {
    if (!(error instanceof XbuildError)) throw error
    return { names } // the graph says what is wrong with it
  }
}
