import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { cleanPath } from '../../../dockerfile/paths.ts'
import { hasWildcard, matchPattern } from '../../../dockerfile/pattern.ts'

/** As deep as Linux goes. */
const MOST_LINKS = 40

/**
 * Resolves symbolic links in paths of a folder, seen from that folder as if it were the root of everything: patterns
 * for each link on the way and for what it leads to, so that both are sent. The last part of a path may hold wildcards.
 */
export function followPaths(root: string, paths: readonly string[]): readonly string[] {
  const found = new Set<string>()
  for (const path of paths) followPattern(partsOf(path))
  return [...found]

  function followPattern(parts: readonly string[]): void {
    const wild = parts.findIndex(hasWildcard)
    if (wild === -1) return follow([], parts.map(unescape), 0)
    found.add(parts.join('/'))
    if (wild < parts.length - 1) return
    const folder = parts.slice(0, -1).map(unescape)
    // What lies behind a link may be anything of this machine
    if (folder.some((_, at) => linkAt(folder.slice(0, at + 1)) !== undefined)) return
    for (const name of namesIn(folder)) {
      if (matchPattern(parts[wild]!, name) && linkAt([...folder, name]) !== undefined) follow([], [...folder, name], 0)
    }
  }

  function follow(base: readonly string[], [name, ...after]: readonly string[], links: number): void {
    if (name === undefined) return void found.add(base.length === 0 ? '.' : base.map(escapePattern).join('/'))
    const here = [...base, name]
    const link = linkAt(here)
    if (link === undefined) return follow(here, after, links)
    found.add(here.map(escapePattern).join('/'))
    if (links < MOST_LINKS)
      follow([], [...partsOf(link.startsWith('/') ? link : [...base, link].join('/')), ...after], links + 1)
  }

  function linkAt(parts: readonly string[]): string | undefined {
    try {
      const path = join(root, ...parts)
      return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined
    } catch {
      return undefined // below a file, or not to be read: sending it fails with a better message
    }
  }

  function namesIn(parts: readonly string[]): string[] {
    try {
      return readdirSync(join(root, ...parts))
    } catch {
      return []
    }
  }
}

/** Never above the root. */
function partsOf(path: string): string[] {
  const clean = cleanPath(`/${path}`).slice(1)
  return clean === '' ? [] : clean.split('/')
}

function escapePattern(name: string): string {
  return name.replaceAll(/[\\*?[\]]/g, '\\$&')
}

function unescape(part: string): string {
  return part.replaceAll(/\\(.)/g, '$1')
}
