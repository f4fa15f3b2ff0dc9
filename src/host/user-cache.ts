import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The folder `name` in this user's cache folder. A relative one would be one of whatever is built: it does not count. */
export function userCacheFolder(name: string): string {
  const caches = process.env['XDG_CACHE_HOME'] ?? ''
  return join(isAbsolute(caches) ? caches : join(homedir(), '.cache'), 'xbuild', name)
}
