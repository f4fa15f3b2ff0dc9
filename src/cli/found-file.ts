import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Judge } from '../config/project.ts'
import { usageError } from '../config/values.ts'
import { createJudge } from './project-place.ts'

/**
 * Checks a file that xbuild found by its usual name, before it is read. A link that leads out of its folder would show
 * a file of the user, and in a folder that others write to, as /tmp, a file may be anybody's. Throws BAD_OPTION.
 */
export function checkFoundFile(
  path: string,
  { shown, hint, judge }: { readonly shown: string; readonly hint: string; readonly judge?: Judge },
): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (isOfAnother(path, found.uid))
    throw usageError(`Cannot use "${shown}": the file belongs to another user (id ${found.uid})`, hint)
  const why = (judge ?? createJudge(dirname(path)))({ kind: 'read', path })
  if (why !== undefined) throw usageError(`Cannot use "${shown}": ${why}`, hint)
}

/** Root works in folders of users; a folder for everybody is another matter. */
export function isOfAnother(path: string, uid: number): boolean {
  const own = process.geteuid?.() ?? 0
  return uid !== own && uid !== 0 && (own !== 0 || (statSync(dirname(path)).mode & 0o002) !== 0)
}
