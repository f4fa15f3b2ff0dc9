import { suggestionHint } from '../../did-you-mean.ts'
import type { SourcePosition } from '../../errors.ts'
import { folderOf, joinPath } from '../images/paths.ts'
import { mergeServices } from './merge.ts'
import { mapOf, nodeAt, textOf, withEntry, withoutEntry, type ComposeMap, type ComposeNode } from './node.ts'
import { placePaths } from './place.ts'
import type { ComposeEnv, Reading, Scope } from './reading.ts'
import { validate } from './validate.ts'

/** Files that `extends` names; one counts again for each environment that it is read with. */
const MAX_EXTENDED_FILES = 1000
/** Links of `extends` from a service to the last one below it. */
const MAX_LINKS = 100

const KEYS = ['service', 'file']

interface Extending {
  readonly path: string
  /** Where relative paths of the file begin. */
  readonly folder: string
  /** Whether the file is only extended, and nobody else gives its paths their place. */
  readonly isOther: boolean
  readonly env: ComposeEnv
  /** Services that extend this one. */
  readonly chain: readonly string[]
}

/** A service with what it extends below it. */
interface Extended {
  readonly service: ComposeMap
  /** How many it extends, one by another. */
  readonly links: number
}

/** Puts into the services of a file what they extend. */
export type ExtendAll = (file: ComposeMap, path: string, scope: Scope) => ComposeMap

/** Gives back what puts into the services of a file what they extend. */
export function startExtending({ input, shapes, problems, report, readRaw, readFor }: Reading): ExtendAll {
  let extendedRead = 0
  const parsed = new WeakMap<ComposeEnv, Map<string, ComposeMap>>()
  const extended = new WeakMap<ComposeMap, Map<string, Extended>>()
  return extendAll

  function extendAll(file: ComposeMap, path: string, scope: Scope): ComposeMap {
    const services = nodeAt(file, 'services')
    if (services?.kind !== 'map') return file
    const entries = [...services.entries].map(([name, entry]) => {
      const found = extendService(name, services, {
        path,
        folder: scope.folder,
        isOther: false,
        env: scope.env,
        chain: [],
      })
      return [name, { ...entry, value: found?.service ?? entry.value }] as const
    })
    return withEntry(file, 'services', { ...services, entries: new Map(entries) })
  }

  /** Each once for all that extend it. */
  function extendService(name: string, services: ComposeMap, from: Extending): Extended | undefined {
    const known = extended.get(services) ?? new Map<string, Extended>()
    extended.set(services, known)
    const found = known.get(name) ?? extendAnew(name, services, from)
    if (found) known.set(name, found)
    return found
  }

  function extendAnew(name: string, services: ComposeMap, from: Extending): Extended | undefined {
    const written = services.entries.get(name)?.value
    if (written?.kind !== 'map') return undefined
    const service = from.isOther ? placeOne(written, from.folder) : written
    const said = service.entries.get('extends')?.value
    if (!said || said.tag === 'reset' || said.kind === 'null') return { service, links: 0 }
    const ref = textOf(said) ?? textOf(nodeAt(said, 'service')) ?? ''
    const file = textOf(nodeAt(said, 'file'))
    const link = `${input.show(from.path)}: ${name}`
    const own: Extended = { service: withoutEntry(service, 'extends'), links: 0 }
    if (from.chain.includes(link)) {
      report(said.at, `Cannot extend "${ref}": it extends itself (${[...from.chain, link].join(' -> ')})`)
      return { service, links: 0 }
    }
    if (from.chain.length >= MAX_LINKS) return tooLong()
    warnOfKeys(said)
    const chain = [...from.chain, link]
    if (file === undefined) return below(services, ref, { ...from, chain })
    const path = joinPath(from.folder, file)
    const raw = readExtended(path, from.env, { ref, at: said.at })
    if (raw === undefined) return own
    const folder = folderOf(path)
    const other = nodeAt(raw, 'services')
    return below(
      other?.kind === 'map' ? other : mapOf([], said.at),
      ref,
      { path, folder, isOther: true, env: from.env, chain },
      true,
    )

    function below(all: ComposeMap, base: string, where: Extending, isElsewhere = false): Extended {
      if (!all.entries.has(base)) {
        const hint = suggestionHint(base, all.entries.keys())
        report(said!.at, `Cannot extend "${base}": ${input.show(where.path)} has no such service`, hint)
        return own
      }
      const before = problems.length
      if (isElsewhere)
        validate(all.entries.get(base)!.value, shapes.service, `services.${base}`, { report, isPart: true })
      if (problems.length > before) return own
      const found = extendService(base, all, where)
      if (!found) return own
      if (found.links >= MAX_LINKS) return tooLong()
      return { service: mergeServices(found.service, own.service, report), links: found.links + 1 }
    }

    function tooLong(): Extended {
      report(said!.at, `Cannot extend "${ref}": the chain has more than ${MAX_LINKS} links`)
      return own
    }
  }

  function warnOfKeys(said: ComposeNode): void {
    for (const [key, { at }] of said.kind === 'map' ? said.entries : [])
      if (!KEYS.includes(key) && !key.startsWith('x-'))
        report(at, `The key "${key}" of "extends" is not used`, suggestionHint(key, KEYS), 'warning')
  }

  /** A file of which only some services are used, once for each environment. */
  function readExtended(
    path: string,
    env: ComposeEnv,
    { ref, at }: { readonly ref: string; readonly at: SourcePosition },
  ): ComposeMap | undefined {
    const files = parsed.get(env) ?? new Map<string, ComposeMap>()
    parsed.set(env, files)
    const known = files.get(path)
    if (known) return known
    if (extendedRead >= MAX_EXTENDED_FILES) {
      report(at, `Cannot extend "${ref}": the project extends services of more than ${MAX_EXTENDED_FILES} files`)
      return undefined
    }
    const text = readFor(path, `extend "${ref}"`, at)
    if (text === undefined) return undefined
    extendedRead += 1
    const raw = readRaw(path, text, env, false)
    files.set(path, raw)
    return raw
  }

  /** A service of another file with its own paths. */
  function placeOne(service: ComposeMap, folder: string): ComposeMap {
    const file = mapOf([['services', mapOf([['x', service]], service.at)]], service.at)
    return nodeAt(placePaths(file, folder, input.home), 'services', 'x') as ComposeMap
  }
}
