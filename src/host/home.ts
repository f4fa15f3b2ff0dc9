import { userInfo } from 'node:os'
import { isAbsolute } from 'node:path'

/** Of whoever has none: nothing is there, and nobody but root could put something there. */
const NONE = '/nonexistent'

/**
 * The home of this user: as `HOME` says, else as the machine's list of users does. A relative one would be a folder of
 * whatever is built, and does not count.
 */
export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'] ?? ''
  if (isAbsolute(home)) return home
  try {
    return userInfo().homedir
  } catch {
    return NONE // an id that is in no list, as in some containers
  }
}
