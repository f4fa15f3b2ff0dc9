import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { suggest } from '../did-you-mean.ts'
import { XbuildError } from '../errors.ts'

/** An error of a build whose PATH is not there, with the command that may have been meant by it. */
export function forMistyped(
  error: unknown,
  { context, cwd }: { readonly context: string; readonly cwd: string },
  commands: readonly string[],
): unknown {
  const isMissing = error instanceof XbuildError && error.code === 'NOT_FOUND' && !existsSync(resolve(cwd, context))
  const near = isMissing ? suggest(context, commands) : undefined
  return isMissing && near ? error.with({ hint: `Did you mean xbuild ${near}?` }) : error
}
