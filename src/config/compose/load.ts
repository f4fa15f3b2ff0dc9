import { suggestionHint } from '../../did-you-mean.ts'
import { toXbuildError, type Diagnostic, type SourcePosition } from '../../errors.ts'
import { ConfigFileError } from '../file.ts'
import { cleanPath, folderOf, joinPath } from '../images/paths.ts'
import { parseDotenv } from './dotenv.ts'
import { interpolate, TemplateError } from './interpolate.ts'
import { mergeFiles, mergeServices } from './merge.ts'
import { mapOf, mapScalars, nodeAt, textOf, textsOf, withEntry, withoutEntry } from './node.ts'
import type { ComposeMap, ComposeNode, Report } from './node.ts'
import { placePaths } from './place.ts'
import { readDocuments } from './read.ts'
import type { ComposeShapes } from './schema.ts'
import { sameValue } from './same-value.ts'
import type { Shape } from './shape.ts'
import { validate } from './validate.ts'

export type ComposeEnv = Readonly<Record<string, string | undefined>>

/** The compose files of a project, and how further ones are read. */
export interface ComposeInput {
  /** In order: each says more than the one before, or otherwise. Paths are absolute. */
  readonly files: readonly { readonly path: string; readonly text: string }[]
  /** The project's folder, absolute; relative paths begin there. */
  readonly folder: string
  /** Variables: those of the shell over those of `.env` files. */
  readonly env: ComposeEnv
  readonly home?: string | undefined
  /** The text of a file that `extends` and `include` name; nothing when it is not there. Throws XbuildError. */
  readonly read: (path: string) => string | undefined
  /** How messages call a file. */
  readonly show: (path: string) => string
}

/** The merged file of a project. */
export interface LoadedCompose {
  readonly file: ComposeMap
  readonly warnings: readonly Diagnostic[]
}

const MAX_FILES = 200
/** Files that `extends` names; one counts again for each environment that it is read with. */
const MAX_EXTENDED_FILES = 1000
/** Links of `extends` from a service to the last one below it. */
const MAX_LINKS = 100

/** As much as a file must be for one of its services to be taken. */
const SOME_SERVICES: Shape = { type: ['map'], values: {}, keys: { services: { type: ['map'], values: {} } } }

/** What files have that are included. */
const SECTIONS = ['services', 'secrets', 'networks', 'volumes', 'configs', 'models']

/** What a file is read with: its own environment and folder where it is included. */
interface Scope {
  readonly folder: string
  readonly env: ComposeEnv
  /** Files that include this one. */
  readonly within: readonly string[]
}

/**
 * Reads the files of a project into one: variables filled in, `extends` and `include` followed, all merged. Throws
 * `ConfigFileError` with every problem at its place.
 */
export function loadCompose(input: ComposeInput, shapes: ComposeShapes): LoadedCompose {
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  let filesRead = 0
  let extendedRead = 0
  const parsed = new WeakMap<ComposeEnv, Map<string, ComposeMap>>()
  const extended = new WeakMap<ComposeMap, Map<string, Extended>>()
  const first = input.files[0]?.path ?? input.folder
  const start = { file: input.show(first), line: 1 }
  const loaded = loadAll(input.files, { folder: input.folder, env: input.env, within: [] })
  if (problems.every(({ severity }) => severity !== 'error'))
    validate(loaded, shapes.file, '', { report, isPart: false })
  const errors = distinct(problems.filter(({ severity }) => severity === 'error'))
  if (errors.length > 0) throw new ConfigFileError(errors[0]!.at.file, errors)
  return { file: loaded, warnings: distinct(problems) }

  function loadAll(files: ComposeInput['files'], scope: Scope): ComposeMap {
    let whole = mapOf([], start)
    for (const { path, text } of files) whole = mergeFiles(whole, loadFile(path, text, scope), report)
    return whole
  }

  /** One file, whole: what it extends and includes is in it. */
  function loadFile(path: string, text: string, scope: Scope): ComposeMap {
    if (++filesRead > MAX_FILES) {
      report({ file: input.show(path), line: 1, column: 1 }, `Cannot read more than ${MAX_FILES} files for one project`)
      return mapOf([], start)
    }
    const raw = readRaw(path, text, scope.env, true)
    const whole = extendAll(raw, path, scope)
    const placed = placePaths(whole, scope.folder, input.home)
    return includeAll(placed, whole, path, scope)
  }

  /** The documents of a file as one, with variables filled in; checked, unless only some service of it is used. */
  function readRaw(path: string, text: string, env: ComposeEnv, isWhole: boolean): ComposeMap {
    const file = input.show(path)
    let whole: ComposeMap | undefined
    for (const document of readDocuments(text, file, report)) {
      if (document.kind === 'null') continue
      const filled = mapScalars(document, (scalar) => fill(scalar, env))
      const before = problems.length
      validate(filled, isWhole ? shapes.file : SOME_SERVICES, '', { report, isPart: true })
      const bad = problems.slice(before).some(({ severity }) => severity === 'error')
      if (!bad && filled.kind === 'map') whole = whole ? mergeFiles(whole, filled, report) : filled
    }
    return whole ?? mapOf([], { file, line: 1 })
  }

  function fill(scalar: Extract<ComposeNode, { kind: 'scalar' }>, env: ComposeEnv): ComposeNode {
    const { at, value } = scalar
    if (typeof value !== 'string') return scalar
    const unset = (name: string) =>
      report(at, `The variable "${name}" is not set: it is treated as empty`, undefined, 'warning')
    try {
      return { ...scalar, value: interpolate(value, { get: (name) => env[name], unset }) }
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      report(at, `Cannot fill in "${value.length > 80 ? `${value.slice(0, 77)}...` : value}": ${error.message}`)
      return scalar
    }
  }

  function extendAll(file: ComposeMap, path: string, scope: Scope): ComposeMap {
    const services = nodeAt(file, 'services')
    if (services?.kind !== 'map') return file
    const entries = [...services.entries].map(([name, entry]) => {
      const found = extendService(name, services, { path, folder: scope.folder, env: scope.env, chain: [] })
      return [name, { ...entry, value: found?.service ?? entry.value }] as const
    })
    return withEntry(file, 'services', { ...services, entries: new Map(entries) })
  }

  interface Extending {
    readonly path: string
    /** Where relative paths of the file begin. */
    readonly folder: string
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

  /** Each once for all that extend it. */
  function extendService(name: string, services: ComposeMap, from: Extending): Extended | undefined {
    const known = extended.get(services) ?? new Map<string, Extended>()
    extended.set(services, known)
    const found = known.get(name) ?? extendAnew(name, services, from)
    if (found) known.set(name, found)
    return found
  }

  function extendAnew(name: string, services: ComposeMap, from: Extending): Extended | undefined {
    const service = services.entries.get(name)?.value
    if (service?.kind !== 'map') return undefined
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
      { path, folder, env: from.env, chain },
      folder,
    )

    function below(all: ComposeMap, base: string, where: Extending, folder?: string): Extended {
      if (!all.entries.has(base)) {
        const hint = suggestionHint(base, all.entries.keys())
        report(said!.at, `Cannot extend "${base}": ${input.show(where.path)} has no such service`, hint)
        return own
      }
      const before = problems.length
      if (folder !== undefined)
        validate(all.entries.get(base)!.value, shapes.service, `services.${base}`, { report, isPart: true })
      if (problems.length > before) return own
      const found = extendService(base, all, where)
      if (!found) return own
      if (found.links >= MAX_LINKS) return tooLong()
      const placed = folder === undefined ? found.service : placeOne(found.service, folder)
      return { service: mergeServices(placed, own.service, report), links: found.links + 1 }
    }

    function tooLong(): Extended {
      report(said!.at, `Cannot extend "${ref}": the chain has more than ${MAX_LINKS} links`)
      return own
    }
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

  /** `asWritten`: the file before its paths became absolute, by which compose compares. */
  function includeAll(file: ComposeMap, asWritten: ComposeMap, path: string, scope: Scope): ComposeMap {
    const list = nodeAt(file, 'include')
    let whole = withoutEntry(file, 'include')
    if (list?.kind !== 'list') return whole
    const known = new Map(SECTIONS.map((section) => [section, new Map(entriesOf(nodeAt(asWritten, section)))]))
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
      report(item.at, 'Cannot include: the path is missing')
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
    return loadAll(files, { folder: cleanPath(inner), env: { ...added, ...env }, within: chain })
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
        all = { ...all, ...parseDotenv(text, input.show(path), (name) => env[name] ?? all[name]) }
      } catch (thrown) {
        const { message, hint, at: place } = toXbuildError(thrown)
        report(place ?? at, message, hint)
      }
    }
    return all
  }

  function readFor(path: string, what: string, at: SourcePosition, needed = true): string | undefined {
    try {
      const text = input.read(path)
      if (text === undefined && needed) report(at, `Cannot ${what}: there is no file "${input.show(path)}"`)
      return text
    } catch (thrown) {
      const { message, hint } = toXbuildError(thrown)
      report(at, message, hint)
      return undefined
    }
  }
}

/** The names that the documents of a file give to its project; what is wrong with the file is told elsewhere. */
export function projectNameIn(text: string, file: string, env: ComposeEnv): string[] {
  const ignored = () => undefined
  return readDocuments(text, file, ignored).flatMap((document) => {
    const name = textOf(nodeAt(document, 'name'))
    try {
      return name ? [interpolate(name, { get: (key) => env[key], unset: ignored })] : []
    } catch {
      return []
    }
  })
}

function entriesOf(node: ComposeNode | undefined): ComposeMap['entries'] {
  return node?.kind === 'map' ? node.entries : new Map()
}

function distinct(found: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()]
}
