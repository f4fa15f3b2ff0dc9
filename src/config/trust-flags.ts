import type { LineInput } from './build-line.ts'
import { bool } from './flag-values.ts'
import type { Flag } from './flag.ts'
import { usageError } from './values.ts'

/** `xbuild trust ...`; `file` is as given, relative to `cwd`. */
export type TrustCommand = { readonly json: boolean } & Pick<LineInput, 'cwd' | 'localPlatform'> &
  ({ readonly verb: 'add' | 'revoke'; readonly file: string } | { readonly verb: 'list' })

interface TrustValues {
  readonly list: boolean
  readonly revoke: boolean
  readonly json: boolean
}

/** The file that is read when nobody names one. */
export const PROJECT_FILE = 'xbuild.yaml'

/** Every flag of `xbuild trust`. */
export const TRUST_FLAGS: { readonly [K in keyof TrustValues]-?: Flag<TrustValues[K]> } = {
  list: { name: 'list', group: 'common', help: 'Show the files that were accepted', absent: false, parse: bool },
  revoke: { name: 'revoke', group: 'common', help: 'No longer accept the file', absent: false, parse: bool },
  json: { name: 'json', group: 'common', help: 'Print JSON', absent: false, parse: bool },
}

/** Reads the words and values of `xbuild trust`. Throws BAD_OPTION. */
export function readTrustCommand(
  words: readonly string[],
  { list, revoke, json }: TrustValues,
  { cwd, localPlatform }: Pick<LineInput, 'cwd' | 'localPlatform'>,
): TrustCommand {
  const [file = PROJECT_FILE, ...more] = words
  if (list && revoke) throw usageError('Cannot use "--list" with --revoke: they contradict', 'Leave out one of the two')
  if (more.length > 0 || (list && words.length > 0))
    throw usageError(
      `Cannot trust "${words.join(' ')}": ${list ? '--list takes no file' : `one file is needed and there are ${words.length}`}`,
      'See xbuild help trust',
    )
  if (list) return { verb: 'list', json, cwd, localPlatform }
  return { verb: revoke ? 'revoke' : 'add', file, json, cwd, localPlatform }
}
