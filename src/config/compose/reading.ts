import { toXbuildError, type Diagnostic, type SourcePosition } from '../../errors.ts'
import { interpolate, TemplateError } from './interpolate.ts'
import { mergeFiles } from './merge.ts'
import { mapOf, mapScalars, type ComposeMap, type ComposeNode, type Report } from './node.ts'
import { readDocuments } from './read.ts'
import type { ComposeShapes } from './schema.ts'
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

/** What all files of a project are read with, and the problems found so far. */
export interface Reading {
  readonly input: ComposeInput
  readonly shapes: ComposeShapes
  readonly problems: readonly Diagnostic[]
  readonly report: Report
  /** The documents of a file as one, with variables filled in; checked, unless only some service of it is used. */
  readRaw(path: string, text: string, env: ComposeEnv, isWhole: boolean): ComposeMap
  /** The text of a file that another names at `at`, to do `what`. What cannot be read is reported. */
  readFor(path: string, what: string, at: SourcePosition, needed?: boolean): string | undefined
}

/** What a file is read with: its own environment and folder where it is included. */
export interface Scope {
  readonly folder: string
  readonly env: ComposeEnv
  /** Files that include this one. */
  readonly within: readonly string[]
}

/** As much as a file must be for one of its services to be taken. */
const SOME_SERVICES: Shape = { type: ['map'], values: {}, keys: { services: { type: ['map'], values: {} } } }

/** Begins to read a project. */
export function startReading(input: ComposeInput, shapes: ComposeShapes): Reading {
  const problems: Diagnostic[] = []
  const report: Report = (at, message, hint, severity = 'error') =>
    void problems.push({ rule: 'compose', severity, message, at, ...(hint ? { hint } : {}) })
  return { input, shapes, problems, report, readRaw, readFor }

  function readRaw(path: string, text: string, env: ComposeEnv, isWhole: boolean): ComposeMap {
    const file = input.show(path)
    let whole: ComposeMap | undefined
    for (const document of readDocuments(text, file, report)) {
      if (document.kind === 'null') {
        report(document.at, `Cannot read "${file}": a document is empty, and it must be keys and values`)
        continue
      }
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
