import { readFileSync } from 'node:fs'

/** The version in the nearest package.json: one folder up from the built program, two from this source. */
export function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (name === 'xbuild' && version) return version
    } catch {}
  }
  return 'unknown'
}
