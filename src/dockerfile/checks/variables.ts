import type { Instruction, UnsetVariable } from '../types.ts'
import type { Finding, Rule, StageView, Subject } from './rule.ts'
import { inEveryStage } from './rule.ts'

const PLATFORM_ARG = /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/

export const undefinedVar: Rule = {
  name: 'UndefinedVar',
  description: 'An instruction uses a variable that is not defined',
  help: 'Define it with ARG or ENV before it is used',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, (view) => (view.evaluated.unset ?? []).flatMap((variable) => judge(variable, view, subject))),
}

function judge(variable: UnsetVariable, { stage, baseIsKnown }: StageView, { dockerfile }: Subject): Finding[] {
  const { name, at, similar } = variable
  const found = { at, message: `Variable "$${name}" is not defined` }
  // These no base image defines.
  if (PLATFORM_ARG.test(name)) return [{ ...found, hint: `Write ARG ${name} in this stage` }]
  const outside = dockerfile.metaArgs.find(({ args }) => args.some((arg) => arg.name === name))
  if (outside)
    return [
      { ...found, hint: `Write ARG ${name} in this stage too: the one at line ${outside.at.line} is for FROM only` },
    ]
  if (!baseIsKnown) return []
  const instruction = stage.stage.instructions.find((one) => one.at.line === at.line)
  if (instruction && expectsNone(instruction, name)) return []
  return [{ ...found, ...(similar === undefined ? {} : { hint: `Did you mean "$${similar}"` }) }]
}

/** `ENV A=x${A:+:$A}` and `EXPOSE ${PORT:-80}`: whoever writes that knows that the variable may not be there. */
function expectsNone(instruction: Instruction, name: string): boolean {
  const guarded = [':-', '-', ':+', '+'].map((operator) => `\${${name}${operator}`)
  const isGuarded = (text: string): boolean => guarded.some((start) => text.includes(start))
  if (instruction.kind === 'expose') return instruction.ports.some(isGuarded)
  return instruction.kind === 'env' && instruction.pairs.some(({ key, value }) => key === name && isGuarded(value))
}
