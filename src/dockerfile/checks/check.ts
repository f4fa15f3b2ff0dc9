import { distinctDiagnostics } from '../../distinct.ts'
import { XbuildError, type Diagnostic } from '../../errors.ts'
import { suggest } from '../../did-you-mean.ts'
import { shorten } from '../flags.ts'
import type { Dockerfile, FromInstruction, Instruction } from '../types.ts'
import {
  cutReason,
  DEFAULT_CHECKS,
  parseCheckConfig,
  selects,
  union,
  type CheckConfig,
  type Selection,
} from './config.ts'
import type { Subject } from './rule.ts'
import { isOfBuildKit, RULES } from './rules.ts'

/** What a check is made with, beside what the rules look at. */
export interface CheckOptions {
  /** BUILDKIT_DOCKERFILE_CHECK among them takes the place of the file's own `# check=`. */
  readonly buildArgs: Readonly<Record<string, string>>
  /** Warnings that others had about the Dockerfile: they can be skipped in the same way. */
  readonly warnings?: readonly Diagnostic[]
}

/**
 * Looks a Dockerfile over with all rules that it does not skip; warnings, or errors when it says `error=true` and
 * BuildKit has the rule. In the order of the file.
 */
export function checkDockerfile(subject: Subject, options: CheckOptions): Diagnostic[] {
  const { dockerfile } = subject
  const found: Diagnostic[] = []
  const config = configOf(dockerfile, options.buildArgs, found)
  const skipped = inlineSkips(dockerfile, found)
  for (const { name, help, severity, experimental, find } of RULES) {
    if (experimental && !selects(config.experimental, name)) continue
    if (selects(config.skip, name)) continue
    for (const { at, message, hint } of find(subject))
      found.push({ rule: name, severity, message, hint: hint ?? help, at })
  }
  const wanted = [...(options.warnings ?? []).filter(({ rule }) => !selects(config.skip, rule)), ...found].filter(
    ({ rule, at }) => !selects(skipped.get(at.line) ?? new Set(), rule),
  )
  return distinctDiagnostics(wanted)
    .map((diagnostic) => {
      const severity = config.error && isOfBuildKit(diagnostic.rule) ? ('error' as const) : ('warning' as const)
      return { ...diagnostic, severity }
    })
    .sort((a, b) => a.at.line - b.at.line)
}

function configOf(
  dockerfile: Dockerfile,
  buildArgs: Readonly<Record<string, string>>,
  found: Diagnostic[],
): CheckConfig {
  const { file, directives } = dockerfile
  const given = Object.hasOwn(buildArgs, 'BUILDKIT_DOCKERFILE_CHECK')
    ? buildArgs['BUILDKIT_DOCKERFILE_CHECK']!
    : undefined
  const at = directives.at?.check ?? { file, line: 1 }
  const config =
    given === undefined
      ? directives.check === undefined
        ? DEFAULT_CHECKS
        : parseCheckConfig(optionsOf(directives.check, { at, found }), at)
      : parseCheckConfig(given)
  for (const selection of [config.skip, config.experimental]) reportUnknown(selection, { at, found })
  return config
}

/** The options of a directive or a comment; says when something follows them that is no reason. */
function optionsOf(text: string, { at, found }: { at: Diagnostic['at']; found: Diagnostic[] }): string {
  const { options, rest } = cutReason(text)
  if (rest !== '' && !rest.startsWith('//'))
    found.push({
      rule: 'unknown-check',
      severity: 'warning',
      message: `Check options end at the first space: "${shorten(rest)}" is ignored`,
      hint: 'Write options without spaces, and a reason after //',
      at,
    })
  return options
}

/** A rule of a newer BuildKit is no mistake, but a name that is nearly right is one. */
function reportUnknown(selection: Selection, { at, found }: { at: Diagnostic['at']; found: Diagnostic[] }): void {
  if (selection === 'all') return
  const names = RULES.map(({ name }) => name)
  for (const name of selection) {
    const similar = names.includes(name) ? undefined : suggest(name, names)
    if (similar === undefined) continue
    found.push({
      rule: 'unknown-check',
      severity: 'warning',
      message: `No check is called "${name}"`,
      hint: `Did you mean "${similar}"`,
      at,
    })
  }
}

/**
 * By line, what the comment `# check=skip=...` above the instruction turns off; above FROM it is for the whole stage.
 */
function inlineSkips(dockerfile: Dockerfile, found: Diagnostic[]): Map<number, Selection> {
  const skips = new Map<number, Selection>()
  const add = ({ line, endLine = line }: Diagnostic['at'], selection: Selection): void => {
    if (selection !== 'all' && selection.size === 0) return
    for (let number = line; number <= endLine; number++) skips.set(number, selection)
  }
  const own = (instruction: Instruction | FromInstruction): Selection => {
    const selection = skipAbove(instruction, found)
    reportUnknown(selection, { at: instruction.at, found })
    return selection
  }
  for (const arg of dockerfile.metaArgs) add(arg.at, own(arg))
  for (const { from, instructions } of dockerfile.stages) {
    const ofStage = own(from)
    add(from.at, ofStage)
    for (const instruction of instructions) add(instruction.at, union(ofStage, own(instruction)))
  }
  return skips
}

function skipAbove({ written, at }: Instruction | FromInstruction, found: Diagnostic[]): Selection {
  let skip: Selection = new Set<string>()
  for (const comment of written?.comments ?? []) {
    const match = /^check\s*=(.*)$/i.exec(comment)
    if (!match) continue
    try {
      skip = union(skip, parseCheckConfig(optionsOf(match[1]!, { at, found }), at).skip)
    } catch (error) {
      if (!(error instanceof XbuildError)) throw error
      found.push({
        rule: 'unknown-check',
        severity: 'warning',
        message: error.message,
        at,
        ...(error.hint ? { hint: error.hint } : {}),
      })
    }
  }
  return skip
}
