import { compact } from '../compact.ts'
import type { Diagnostic, SourcePosition } from '../errors.ts'
import { readDirectives } from './directives.ts'
import { findHeredocs, readHeredocs } from './heredoc.ts'
import { INSTRUCTION_NAMES, parseInstruction } from './instructions/table.ts'
import { openLines, readLogicalLine, type Escape, type LineReader, type LogicalLine } from './lines.ts'
import { shorten } from './flags.ts'
import { cutFlags, cutField } from './split.ts'
import { suggestionHint } from '../did-you-mean.ts'
import type { ArgInstruction, Dockerfile, FromInstruction, Instruction, ParseResult, Stage, Written } from './types.ts'

/**
 * Parses a whole Dockerfile; never throws for what is in it: every problem is a diagnostic, and the rest is still
 * parsed.
 */
export function parseDockerfile(text: string, options: { file: string }): ParseResult {
  const { file } = options
  const reader = openLines(text.startsWith('\ufeff') ? text.slice(1) : text)
  const { directives, diagnostics } = readDirectives(reader, file)
  const instructions = readInstructions(reader, { file, escape: directives.escape, diagnostics })
  const { metaArgs, stages } = groupStages(instructions, diagnostics)
  if (stages.length === 0 && !diagnostics.some(({ severity }) => severity === 'error')) {
    const state =
      text.trim() === '' ? 'it is empty' : instructions.length === 0 ? 'it has no instructions' : 'it has no FROM'
    const hint = 'Start it with FROM and the name of a base image'
    diagnostics.push({
      rule: 'no-stage',
      severity: 'error',
      message: `Cannot build "${file}": ${state}`,
      hint,
      at: { file, line: 1 },
    })
  }
  diagnostics.sort((a, b) => a.at.line - b.at.line)
  return { dockerfile: { file, directives, metaArgs, stages } satisfies Dockerfile, diagnostics }
}

/** Parses the text that an ONBUILD keeps, as an instruction at `at`; `undefined` when it is none. */
export function parseTrigger(
  trigger: string,
  at: SourcePosition,
): { instruction?: Instruction; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const found = readInstructions(openLines(trigger), { file: at.file, escape: '\\', diagnostics, at })
  const [instruction] = found
  if (found.length === 1 && instruction && instruction.kind !== 'from') return { instruction, diagnostics }
  if (diagnostics.length === 0) {
    const message = `Cannot run ONBUILD trigger "${shorten(trigger)}": it is not one instruction`
    diagnostics.push({ rule: 'bad-trigger', severity: 'error', message, at })
  }
  return { diagnostics }
}

const NO_HEREDOCS: ReturnType<typeof readHeredocs> = { heredocs: [], endLine: undefined }

interface ReadOptions {
  readonly file: string
  readonly escape: Escape
  readonly diagnostics: Diagnostic[]
  /** Position of everything that is read, when it is not the lines' own. */
  readonly at?: SourcePosition
}

function readInstructions(reader: LineReader, options: ReadOptions): (Instruction | FromInstruction)[] {
  const { file, escape, diagnostics } = options
  const instructions: (Instruction | FromInstruction)[] = []
  let at: SourcePosition = { file, line: 1 }
  const add = (severity: Diagnostic['severity']) => (rule: string, message: string, hint?: string) => {
    diagnostics.push({ rule, severity, message, ...compact({ hint }), at })
  }
  const fail = add('error')
  const warn = add('warning')
  for (let line = readLogicalLine(reader, escape); line; line = readLogicalLine(reader, escape)) {
    const { first: word, rest: all } = cutField(line.text)
    const name = word.toUpperCase()
    const { flags, rest } = cutFlags(all, escape)
    const carrier = heredocCarrier(name, rest)
    const body = carrier ? readHeredocs(reader, findHeredocs(rest)) : NO_HEREDOCS
    const endLine = body.endLine ?? line.endLine
    at = options.at ?? (endLine > line.line ? { file, line: line.line, endLine } : { file, line: line.line })
    if (body.unterminated !== undefined) {
      const hint = `Write ${body.unterminated} alone on a line where it ends; if << does not start a heredoc, quote it`
      fail('unterminated-heredoc', `Cannot read heredoc "${shorten(body.unterminated)}": it does not end`, hint)
      continue
    }
    if (!INSTRUCTION_NAMES.includes(name)) {
      fail(
        'unknown-instruction',
        `Cannot parse instruction "${shorten(word)}": it is unknown`,
        suggestionHint(name, INSTRUCTION_NAMES),
      )
      continue
    }
    const request = { name, at, text: line.display, rest, flags, heredocs: body.heredocs, escape, fail, warn }
    const instruction = parseInstruction(request)
    if (!instruction) continue
    const written = writtenOf(word, line)
    instructions.push(written ? { ...instruction, written } : instruction)
  }
  return instructions
}

/** What checks want to know of how an instruction is written; nothing for most. */
function writtenOf(word: string, { emptyLines, comments }: LogicalLine): Written | undefined {
  const plain = word === word.toUpperCase()
  if (plain && emptyLines.length === 0 && comments.length === 0) return undefined
  return {
    ...(plain ? {} : { keyword: word }),
    ...(emptyLines.length === 0 ? {} : { emptyLines }),
    ...(comments.length === 0 ? {} : { comments }),
  }
}

/** Whether an instruction may have heredocs: RUN, COPY, ADD, or ONBUILD of one of them; never in JSON form. */
function heredocCarrier(name: string, rest: string): boolean {
  if (!rest.includes('<<')) return false
  if (name === 'ONBUILD') {
    const inner = cutField(rest)
    return inner.first.toUpperCase() !== 'ONBUILD' && heredocCarrier(inner.first.toUpperCase(), inner.rest)
  }
  if (name !== 'RUN' && name !== 'COPY' && name !== 'ADD') return false
  if (!rest.startsWith('[')) return true
  try {
    return !Array.isArray(JSON.parse(rest))
  } catch {
    return true
  }
}

function groupStages(
  instructions: readonly (Instruction | FromInstruction)[],
  diagnostics: Diagnostic[],
): { metaArgs: ArgInstruction[]; stages: Stage[] } {
  const metaArgs: ArgInstruction[] = []
  const stages: (Stage & { instructions: Instruction[] })[] = []
  let orphan = false
  for (const instruction of instructions) {
    if (instruction.kind === 'from') {
      const name = instruction.as?.toLowerCase()
      stages.push({
        index: stages.length,
        ...compact({ name }),
        from: instruction,
        instructions: [],
      })
    } else if (stages.length > 0) {
      stages.at(-1)!.instructions.push(instruction)
    } else if (instruction.kind === 'arg') {
      metaArgs.push(instruction)
    } else if (!orphan) {
      orphan = true
      const word = instruction.kind.toUpperCase()
      const hint = 'Start with FROM and the name of a base image; only ARG may come before'
      diagnostics.push({
        rule: 'no-stage',
        severity: 'error',
        message: `Cannot run ${word} before FROM`,
        hint,
        at: instruction.at,
      })
    }
  }
  return { metaArgs, stages }
}
