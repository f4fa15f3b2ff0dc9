import type { SourcePosition } from '../../errors.ts'
import { resolvePath } from '../paths.ts'
import type { Escape } from '../lines.ts'
import type { RunInstruction, Stage } from '../types.ts'
import { scriptOf, type Script } from './script.ts'
import { commandsIn, plain, type Command } from './shell.ts'

/**
 * Stages that can only change their platform together: one that starts from an image, and all that are built from it.
 */
export interface Unit {
  readonly root: Stage
  /** In the order of the file, the root first. */
  readonly stages: readonly Stage[]
  readonly runs: readonly UnitRun[]
  /** Of all runs. */
  readonly commands: readonly UnitCommand[]
  /** What ENV and ARG say. */
  readonly values: ReadonlyMap<string, readonly StageValue[]>
  /** What other stages take from these. */
  readonly taken: readonly Taken[]
}

/** A RUN and what it runs. */
export interface UnitRun {
  readonly stage: Stage
  readonly instruction: RunInstruction
  /** The folder it starts in. */
  readonly workdir: string
  readonly script?: Script
  /** Why there is no script, or none that can be followed. */
  readonly problem?: string
  readonly commands: readonly UnitCommand[]
}

/** A RUN whose shell text can be followed. */
export type ScriptRun = Pick<UnitRun, 'stage' | 'instruction' | 'commands'> & { readonly script: Script }

/** A program that a RUN runs. */
export interface UnitCommand {
  readonly run: ScriptRun
  readonly line: number
  /** Its name without the folder. */
  readonly name: string
  /** The program as it is written, without quotes, and its arguments. */
  readonly words: readonly string[]
  /** Where the program stands in `command.words`: `env` and the like stand before it. */
  readonly first: number
  readonly command: Command
}

/** A path that a stage outside reads, and where it says so. */
export interface Taken {
  readonly path: string
  readonly line: number
}

/** What runs another program that is written behind it. */
const WRAPPERS: ReadonlySet<string> = new Set(['env', 'nice', 'sudo', 'exec', 'command', 'nohup', 'time'])

/** The RUNs of a stage, in order; `workdir` is where it starts. */
export function runsOf(
  stage: Stage,
  { lines, escape, workdir }: { lines: readonly string[]; escape: Escape; workdir: string },
): { runs: UnitRun[]; workdir: string } {
  const runs: UnitRun[] = []
  let folder = workdir
  for (const instruction of stage.instructions) {
    if (instruction.kind === 'workdir') folder = resolvePath(folder, instruction.path)
    if (instruction.kind !== 'run') continue
    const script = scriptOf(instruction, lines, escape)
    if (typeof script === 'string') {
      runs.push({ stage, instruction, workdir: folder, problem: script, commands: [] })
      continue
    }
    const found = commandsIn(script.text)
    const commands: UnitCommand[] = []
    const run = {
      stage,
      instruction,
      script,
      workdir: folder,
      commands,
      ...(found ? {} : { problem: 'its shell text is not plain enough to follow' }),
    }
    for (const command of found ?? []) if (command.words.length > 0) commands.push(unitCommand(command, run))
    runs.push(run)
  }
  return { runs, workdir: folder }
}

function unitCommand(command: Command, run: ScriptRun): UnitCommand {
  const texts = command.words.map(plain)
  let first = 0
  while (
    first < texts.length - 1 &&
    (WRAPPERS.has(texts[first]!) || (first > 0 && /^(-\S*|[A-Za-z_]\w*=.*)$/s.test(texts[first]!)))
  )
    first++
  const words = texts.slice(first)
  const { line } = run.script.place(command.words[first]!.start)
  return { run, line, name: words[0]!.split('/').at(-1)!, words, first, command }
}

/** The words of a command that set a variable for it. */
export function settings({
  command,
  first,
}: UnitCommand): { name: string; value: string; start: number; end: number }[] {
  return [...command.assignments, ...command.words.slice(0, first)].flatMap(({ text, start, end }) => {
    const equals = text.indexOf('=')
    return /^[A-Za-z_]\w*=/.test(text)
      ? [{ name: text.slice(0, equals), value: plain(text.slice(equals + 1)), start: start + equals + 1, end }]
      : []
  })
}

/** A value that ENV or ARG gives a variable, and where. */
export interface StageValue {
  readonly value: string
  readonly line: number
}

/** Values that ENV and ARG of stages give variables, by name and in order. */
export function valuesOf(stages: readonly Stage[]): Map<string, StageValue[]> {
  const values = new Map<string, StageValue[]>()
  const add = (name: string, value: string, { line }: SourcePosition): void => {
    const known = values.get(name)
    if (known) known.push({ value: plain(value), line })
    else values.set(name, [{ value: plain(value), line }])
  }
  for (const { instructions } of stages) {
    for (const one of instructions) {
      if (one.kind === 'env') for (const { key, value } of one.pairs) add(key, value, one.at)
      if (one.kind === 'arg') for (const { name, value } of one.args) if (value !== undefined) add(name, value, one.at)
    }
  }
  return values
}

/** Packages that a command installs, as they are named. */
export function installed({ name, words }: UnitCommand): string[] {
  const verb = words.findIndex((word) => word === 'install' || word === 'add')
  if (verb === -1 || !['apt', 'apt-get', 'apk', 'yum', 'dnf', 'microdnf', 'zypper'].includes(name)) return []
  return words.slice(verb + 1).filter((word) => !word.startsWith('-'))
}

/** Whether a text stands for something that is only known when it runs. */
export function isVariable(text: string): boolean {
  return text.includes('$') || text.includes('`')
}
