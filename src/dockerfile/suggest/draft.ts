import type { Instruction, FromInstruction, Stage } from '../types.ts'
import type { Place } from './script.ts'
import type { LineEdit } from './types.ts'

/** Collects changes to the lines of a file; nothing is changed before `finish`. */
export interface Draft {
  /** Puts `text` there, in the place of `remove` characters. */
  change(place: Place, text: string, remove?: number): void
  /** New lines above an instruction and the comments that belong to it. */
  above(instruction: Instruction | FromInstruction, ...texts: string[]): void
  /** New lines in front of a line. */
  before(line: number, ...texts: string[]): void
  /** ARGs and lines right below the FROM of a stage. */
  top(stage: Stage, args: readonly string[], ...texts: string[]): void
  /** Says that from an instruction on a stage needs these ARGs. */
  need(stage: Stage, instruction: Instruction, ...names: string[]): void
}

interface Change {
  readonly column: number
  readonly remove: number
  readonly text: string
}

export interface DraftOptions {
  readonly file: string
  readonly lines: readonly string[]
  /** The stages that a stage is built from, the nearest first. */
  readonly parents: (stage: Stage) => readonly Stage[]
}

/** A draft of no changes. */
export function createDraft({ file, lines, parents }: DraftOptions): Draft & { finish(): LineEdit[] } {
  const changes = new Map<number, Change[]>()
  const added = new Map<number, string[]>()
  const needs = new Map<Stage, Map<string, Instruction>>()
  const declared = new Map<Stage, ReadonlyMap<string, number>>()
  const tops = new Map<Stage, readonly string[]>()
  const end = lines.some((line) => line.endsWith('\r')) ? '\r' : ''

  const change: Draft['change'] = ({ line, column }, text, remove = 0) => {
    const list = changes.get(line) ?? []
    if (list.some((one) => one.column === column && one.text === text && one.remove === remove)) return
    changes.set(line, [...list, { column, remove, text }])
  }
  const before: Draft['before'] = (line, ...texts) => void added.set(line, [...(added.get(line) ?? []), ...texts])
  const above: Draft['above'] = (instruction, ...texts) => before(lineAbove(instruction), ...texts)

  function top(stage: Stage, args: readonly string[], ...texts: string[]): void {
    const known = tops.get(stage) ?? []
    const missing = args.filter((name) => !known.includes(name))
    tops.set(stage, [...known, ...missing])
    before(
      (stage.from.at.endLine ?? stage.from.at.line) + 1,
      ...(missing.length > 0 ? [`ARG ${missing.join(' ')}`] : []),
      ...texts,
    )
  }

  function lineAbove({ at }: Instruction | FromInstruction): number {
    let { line } = at
    while (line > 1 && /^\s*#/.test(lines[line - 2]!)) line--
    return line
  }

  function need(stage: Stage, instruction: Instruction, ...names: string[]): void {
    const first = needs.get(stage) ?? new Map<string, Instruction>()
    needs.set(stage, first)
    for (const name of names) {
      const known = first.get(name)
      if (!known || instruction.at.line < known.at.line) first.set(name, instruction)
    }
  }

  /** The ARGs that are missing, in one line in front of the first instruction that needs one. */
  function declare(): void {
    for (const [stage, first] of needs) {
      const above = parents(stage)
      const missing = [...first].filter(
        ([name, instruction]) =>
          ![stage, ...above].some((one) => tops.get(one)?.includes(name)) &&
          !isDeclared(stage, name, instruction) &&
          !above.some((one) => namesIn(one).has(name)),
      )
      if (missing.length === 0) continue
      const at = missing.map(([, instruction]) => instruction).reduce((a, b) => (a.at.line <= b.at.line ? a : b))
      const line = lineAbove(at)
      const texts = `ARG ${missing.map(([name]) => name).join(' ')}`
      added.set(line, [texts, ...(added.get(line) ?? [])])
    }
  }

  function isDeclared(stage: Stage, name: string, before: Instruction): boolean {
    return (namesIn(stage).get(name) ?? Infinity) < before.at.line
  }

  /** The ARGs of a stage, and the line of the first of each. */
  function namesIn(stage: Stage): ReadonlyMap<string, number> {
    const known = declared.get(stage)
    if (known) return known
    const names = new Map<string, number>()
    for (const one of stage.instructions)
      if (one.kind === 'arg') for (const { name } of one.args) if (!names.has(name)) names.set(name, one.at.line)
    declared.set(stage, names)
    return names
  }

  function finish(): LineEdit[] {
    declare()
    const edits: LineEdit[] = []
    for (const [line, texts] of added) for (const text of texts) edits.push({ file, line, after: `${text}${end}` })
    for (const [line, list] of changes) {
      const old = lines[line - 1]!
      // From the right; what is put in front of a word comes after the word itself was changed
      const sorted = list.toSorted((a, b) => b.column - a.column || b.remove - a.remove)
      const after = sorted.reduce(
        (text, { column, remove, text: put }) => text.slice(0, column) + put + text.slice(column + remove),
        old,
      )
      if (after !== old) edits.push({ file, line, before: old, after })
    }
    return edits.toSorted((a, b) => a.line - b.line || Number(a.before !== undefined) - Number(b.before !== undefined))
  }

  return { change, before, above, top, need, finish }
}

/** The lines with the edits made. */
export function applyEdits(lines: readonly string[], edits: readonly LineEdit[]): string[] {
  const byLine = editsByLine(edits)
  return lines.flatMap((line, index) => {
    const own = byLine.get(index + 1) ?? []
    return [
      ...own.filter(({ before }) => before === undefined).map(({ after }) => after),
      own.find(({ before }) => before !== undefined)?.after ?? line,
    ]
  })
}

/** Edits by the number of their line. */
export function editsByLine(edits: readonly LineEdit[]): ReadonlyMap<number, readonly LineEdit[]> {
  const byLine = new Map<number, LineEdit[]>()
  for (const edit of edits) {
    const known = byLine.get(edit.line)
    if (known) known.push(edit)
    else byLine.set(edit.line, [edit])
  }
  return byLine
}
