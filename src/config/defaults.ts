import { compact } from '../compact.ts'
import { suggestionHint } from '../did-you-mean.ts'
import { XbuildError } from '../errors.ts'
import { ALL_PLATFORMS, parsePlatform } from '../platform.ts'
import { FLAGS, UNFLAGGED } from './flags.ts'
import type { BuildOptions, CompleteOptions } from './options.ts'

/**
 * The options with the defaults of the flags in the place of what is absent or undefined. Throws BAD_OPTION,
 * BAD_PLATFORM.
 */
export function withDefaults(options: BuildOptions, { cwd }: { readonly cwd: string }): CompleteOptions {
  checkNames(options)
  const { platforms = FLAGS.platforms.absent, ...others } = options
  const absent = Object.entries(FLAGS).map(([option, flag]) => [option, flag.absent])
  return {
    ...compact({ cwd, registries: {}, ...Object.fromEntries(absent) }),
    ...compact(others),
    platforms: platforms.map((one) =>
      one === 'all' ? ALL_PLATFORMS : typeof one === 'string' ? parsePlatform(one) : one,
    ),
  } as object as CompleteOptions
}

/** Programs without types misspell options, which would then be ignored. */
function checkNames(options: BuildOptions): void {
  const known = [...UNFLAGGED, ...Object.keys(FLAGS)]
  const wrong = Object.keys(options).find((name) => !known.includes(name))
  if (wrong !== undefined)
    throw new XbuildError('BAD_OPTION', `Cannot build: unknown option "${wrong}"`, {
      hint: suggestionHint(wrong, known),
    })
  if (typeof options.context !== 'string')
    throw new XbuildError('BAD_OPTION', 'Cannot build: the option "context" is missing', {
      hint: "Name the folder with the Dockerfile, like { context: '.' }",
    })
}
