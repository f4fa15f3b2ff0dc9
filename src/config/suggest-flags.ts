import type { Platform } from '../platform.ts'
import { bool } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { FLAGS } from './flags.ts'
import { usageError } from './values.ts'

/** `xbuild suggest`. */
export interface SuggestCommand {
  /** Folder of the Dockerfile. */
  readonly context: string
  readonly file?: string | undefined
  readonly platforms: readonly Platform[]
  readonly target?: string | undefined
  readonly buildArgs: Readonly<Record<string, string>>
  readonly json: boolean
  readonly write: boolean
  readonly cwd: string
}

type SuggestValues = Omit<SuggestCommand, 'context' | 'cwd'>

/** Every flag of `xbuild suggest`. */
export const SUGGEST_FLAGS: { readonly [K in keyof SuggestValues]-?: Flag<SuggestValues[K]> } = {
  file: FLAGS.file,
  platforms: {
    ...FLAGS.platforms,
    default: 'linux/amd64,linux/arm64',
    help: 'Platforms of the image: the change supports these only',
  },
  target: FLAGS.target,
  buildArgs: FLAGS.buildArgs,
  json: { name: 'json', group: 'common', help: 'Print stages, edits and the diff as JSON', absent: false, parse: bool },
  write: { name: 'write', group: 'common', help: 'Change the Dockerfile, too', absent: false, parse: bool },
}

/** Reads the words and values of `xbuild suggest`. Throws BAD_OPTION. */
export function readSuggestCommand(words: readonly string[], values: SuggestValues, cwd: string): SuggestCommand {
  const [context = '.', ...more] = words
  if (more.length > 0)
    throw usageError(
      `Cannot suggest for "${words.join(' ')}": one PATH is needed and there are ${words.length}`,
      'Quote values that hold spaces',
    )
  if (values.write && values.file === '-')
    throw usageError('Cannot use "--write": the Dockerfile comes from standard input', 'Name a file with -f')
  return { ...values, context, cwd }
}
