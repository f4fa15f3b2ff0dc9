import { distinctBy } from '../../distinct.ts'
import type { Diagnostic } from '../../errors.ts'
import { ConfigFileError } from '../file.ts'
import { startExtending } from './extend.ts'
import { startIncluding } from './include.ts'
import { interpolate } from './interpolate.ts'
import { mergeFiles } from './merge.ts'
import { mapOf, nodeAt, textOf, type ComposeMap } from './node.ts'
import { placePaths } from './place.ts'
import { readDocuments } from './read.ts'
import { startReading, type ComposeEnv, type ComposeInput, type Scope } from './reading.ts'
import type { ComposeShapes } from './schema.ts'
import { validate } from './validate.ts'

/** The merged file of a project. */
export interface LoadedCompose {
  readonly file: ComposeMap
  readonly warnings: readonly Diagnostic[]
}

const MAX_FILES = 200

/**
 * Reads the files of a project into one: variables filled in, `extends` and `include` followed, all merged. Throws
 * `ConfigFileError` with every problem at its place.
 */
export function loadCompose(input: ComposeInput, shapes: ComposeShapes): LoadedCompose {
  const reading = startReading(input, shapes)
  const { problems, report } = reading
  const extendAll = startExtending(reading)
  const includeAll = startIncluding(reading, loadAll)
  let filesRead = 0
  const first = input.files[0]?.path ?? input.folder
  const start = { file: input.show(first), line: 1 }
  const loaded = loadAll(input.files, { folder: input.folder, env: input.env, within: [] })
  if (problems.every(({ severity }) => severity !== 'error')) {
    if ([...loaded.entries.keys()].every((key) => key === 'version'))
      report(start, 'Cannot use the compose file: it is empty')
    validate(loaded, shapes.file, '', { report, isPart: false })
  }
  const errors = distinctBy(
    problems.filter(({ severity }) => severity === 'error'),
    (one) => JSON.stringify(one),
  )
  if (errors.length > 0) throw new ConfigFileError(errors[0]!.at.file, errors)
  return { file: loaded, warnings: distinctBy(problems, (one) => JSON.stringify(one)) }

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
    const raw = reading.readRaw(path, text, scope.env, true)
    const whole = extendAll(placePaths(raw, scope.folder, input.home), path, scope)
    return includeAll(whole, () => extendAll(raw, path, scope), path, scope)
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
