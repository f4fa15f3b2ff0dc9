import { isAbsolute, join } from 'node:path'
import { homeFolder } from './home.ts'

/**
 * The folder of xbuild's own files of this user. A relative `XDG_CONFIG_HOME` or `HOME` does not count: the folder would
 * be one of whatever is built.
 */
export function userConfigFolder(env: Readonly<Record<string, string | undefined>>): string {
  const config = env['XDG_CONFIG_HOME'] ?? ''
  return join(isAbsolute(config) ? config : join(homeFolder(env), '.config'), 'xbuild')
}
