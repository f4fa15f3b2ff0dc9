import { readFileSync } from 'node:fs'

/** The version of xbuild: package.json is one folder up from this source, and from the built program. */
export function version(): string {
  try {
    const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      name?: string
      version?: string
    }
    if (name === 'xbuild' && version) return version
  } catch {}
  return 'unknown'
}
