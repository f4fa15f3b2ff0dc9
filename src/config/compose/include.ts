import { toXbuildError, type SourcePosition } from '../../errors.ts'
import { cleanPath, folderOf, joinPath } from '../images/paths.ts'
import { parseDotenv } from './dotenv.ts'
import { nodeAt, textOf, textsOf, withEntry, withoutEntry, type ComposeMap, type ComposeNode } from './node.ts'
import { withContexts } from './place.ts'
import type { ComposeEnv, ComposeInput, Reading, Scope } from './reading.ts'
import { sameValue } from './same-value.ts'

/** What files have that are included. */
const SECTIONS = ['services', 'secrets', 'networks', 'volumes', 'configs', 'models']

/** Puts into a file what it includes; `asWritten`: the file before its paths became absolute. */
export type IncludeAll = (file: ComposeMap, asWritten: () => ComposeMap, path: string, scope: Scope) => ComposeMap

/** Gives back what puts into a file what it includes; `load` reads files, and what they include themselves. */
export function startIncluding(
  { input, report, readFor }: Reading,
  load: (files: ComposeInput['files'], scope: Scope) => ComposeMap,
): IncludeAll {
  return includeAll

  function includeAll(file: ComposeMap, asWritten: () => ComposeMap, path: string, scope: Scope): ComposeMap {
    const list = nodeAt(file, 'include')
    let whole = withoutEntry(file, 'include')
    if (list?.kind !== 'list') return whole
    const written = asWritten()
    const known = new Map(SECTIONS.map((section) => [section, new Map(entriesOf(nodeAt(written, section)))]))
    for (const item of list.items) {
      const included = include(item, path, scope)
      for (const section of SECTIONS) whole = withSection(whole, section, nodeAt(included, section), item)
    }
    return whole

    function withSection(to: ComposeMap, section: string, from: ComposeNode | undefined, by: ComposeNode): ComposeMap {
      if (from?.kind !== 'map') return to
      const own = nodeAt(to, section)
      const entries = new Map(entriesOf(own))
      for (const [name, entry] of from.entries) {
        const other = known.get(section)!.get(name)
        if (other && !sameValue(other.value, entry.value))
          report(
            entry.at,
            `Cannot use ${section}.${name}: ${other.at.file}:${other.at.line} says it otherwise, and both are in one project`,
            `${by.at.file}:${by.at.line} includes this file: change it in a file of its own, with -f or in the list of "path"`,
          )
        known.get(section)!.set(name, entry)
        if (!entries.has(name)) entries.set(name, entry)
      }
      return withEntry(to, section, { kind: 'map', at: own?.at ?? from.at, entries })
    }
  }

  function include(item: ComposeNode, path: string, { folder, env, within }: Scope): ComposeMap | undefined {
    const paths = textsOf(item.kind === 'scalar' ? item : nodeAt(item, 'path')).map((one) => joinPath(folder, one))
    const [main] = paths
    if (main === undefined) {
      report(item.at, 'Nothing is included: the path is missing', undefined, 'warning')
      return undefined
    }
    const chain = [...within, path]
    if (chain.includes(main)) {
      const circle = [...chain, main].map(input.show).join(' -> ')
      report(item.at, `Cannot include "${input.show(main)}": it includes itself (${circle})`)
      return undefined
    }
    const own = textOf(nodeAt(item, 'project_directory'))
    const inner = own === undefined ? folderOf(main) : joinPath(folder, own)
    const files = paths.flatMap((one) => {
      const text = readFor(one, 'include it', item.at)
      return text === undefined ? [] : [{ path: one, text }]
    })
    const named = textsOf(nodeAt(item, 'env_file'))
    if (files.length === 0) return undefined
    const envFiles = named.filter((one) => one !== '/dev/null').map((one) => joinPath(folder, one))
    const variables = named.length > 0 ? envFiles : [joinPath(inner, '.env')]
    const added = readVariables(variables, { env, needed: named.length > 0, at: item.at })
    const loaded = load(files, { folder: cleanPath(inner), env: { ...added, ...env }, within: chain })
    return withContexts(loaded, cleanPath(inner))
  }

  function readVariables(
    files: readonly string[],
    { env, needed, at }: { readonly env: ComposeEnv; readonly needed: boolean; readonly at: SourcePosition },
  ): ComposeEnv {
    let all: ComposeEnv = {}
    for (const path of files) {
      const text = readFor(path, 'read its variables', at, needed)
      if (text === undefined) continue
      try {
        all = { ...all, ...parseDotenv(text, input.show(path), (name) => env[name], all) }
      } catch (thrown) {
        const { message, hint, at: place } = toXbuildError(thrown)
        report(place ?? at, message, hint)
      }
    }
    return all
  }
}

function entriesOf(node: ComposeNode | undefined): ComposeMap['entries'] {
  return node?.kind === 'map' ? node.entries : new Map()
}
