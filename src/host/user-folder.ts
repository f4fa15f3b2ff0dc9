import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * The folder of xbuild's own files of this user. A relative `XDG_CONFIG_HOME` or `HOME` does not count: the folder would
 * be one of whatever is built.
 */
export function userConfigFolder(env: Readonly<Record<string, string | undefined>>): string {
  const [config = '', home = ''] = [env['XDG_CONFIG_HOME'], env['HOME']]
  const base = isAbsolute(config) ? config : join(isAbsolute(home) ? home : homedir(), '.config')
  return join(base, 'xbuild')
}
