import { XbuildError, type SourcePosition } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { platformArgs } from './platform-args.ts'
import type { Dockerfile, StageArgs } from './types.ts'
import { expandWord } from './words.ts'

/** Values of the automatic ARGs and of the ARGs before FROM; build args beat defaults. */
export function expandGlobals(
  dockerfile: Dockerfile,
  options: {
    target: Platform
    buildPlatform: Platform
    buildArgs: Readonly<Record<string, string>>
    targetStage?: string
  },
  fail: (rule: string, at: SourcePosition, message: string, hint?: string) => void,
): StageArgs {
  const { target, buildPlatform, buildArgs } = options
  const targetStage = options.targetStage || dockerfile.stages.at(-1)?.name || 'default'
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(platformArgs({ target, build: buildPlatform, targetStage }))) {
    values.set(name, Object.hasOwn(buildArgs, name) ? buildArgs[name]! : value)
  }
  const lookup = (name: string): string | undefined => values.get(name)
  const budget = { left: 64 << 20 }
  for (const { args, at } of dockerfile.metaArgs) {
    for (const { name, value } of args) {
      try {
        if (Object.hasOwn(buildArgs, name)) values.set(name, buildArgs[name]!)
        else if (value !== undefined)
          values.set(name, expandWord(value, { lookup, escape: dockerfile.directives.escape, budget }))
      } catch (error) {
        if (!(error instanceof XbuildError)) throw error
        fail('bad-expansion', at, error.message, error.hint)
      }
    }
  }
  return { global: Object.fromEntries(values), build: buildArgs }
}
