import { compact } from '../compact.ts'
import { samePlatform, type Platform } from '../platform.ts'
import type { CompleteOptions, NamedContext, PlatformOverride } from './options.ts'

/** The override of a platform, if it has one. */
export function overrideFor(
  { overrides = [] }: Pick<CompleteOptions, 'overrides'>,
  platform: Platform,
): PlatformOverride | undefined {
  return overrides.find((override) => samePlatform(override.platform, platform))
}

/** The options as they are for one platform. */
export function optionsFor(options: CompleteOptions, platform: Platform): CompleteOptions {
  const override = overrideFor(options, platform)
  if (!override) return options
  const { file, target, buildArgs, bases, timeout } = override
  return {
    ...options,
    ...compact({
      file,
      target,
      buildArgs: buildArgs && { ...options.buildArgs, ...buildArgs },
      buildContexts: bases && { ...options.buildContexts, ...bases },
      timeout,
    }),
  }
}

/** What is different for one platform in the words of xbuild.yaml, like `target=small`; values of args are not told. */
export function describeOverride({ file, target, buildArgs, bases, timeout, optional }: PlatformOverride): string[] {
  const args = Object.keys(buildArgs ?? {})
  return [
    ...(file === undefined ? [] : [`dockerfile ${file}`]),
    ...(target === undefined ? [] : [`target ${target}`]),
    ...(args.length === 0 ? [] : [`args ${args.join(' ')}`]),
    ...Object.entries(bases ?? {}).map(([name, context]) => `base ${name} = ${shown(context)}`),
    ...(timeout === undefined ? [] : [`timeout ${timeout / 1000} s`]),
    ...(optional ? ['optional'] : []),
  ]
}

function shown(context: NamedContext): string {
  if (context.kind === 'image') return context.ref
  if (context.kind === 'target') return `target:${context.image}`
  return 'path' in context ? context.path : context.kind
}
