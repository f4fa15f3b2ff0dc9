import type { SourcePosition } from '../../errors.ts'
import type { Finding, Rule } from './rule.ts'
import { inEveryStage, stagesOf } from './rule.ts'

export const jsonArgsRecommended: Rule = {
  name: 'JSONArgsRecommended',
  description: 'CMD or ENTRYPOINT runs under a shell, which does not pass signals on',
  help: 'Write it like CMD ["program", "argument"], or set SHELL if a shell is meant',
  severity: 'warning',
  find: (subject) =>
    inEveryStage(subject, ({ stage, shell }) => {
      let chosen = (shell?.length ?? 0) > 0 || stage.platform.os === 'windows'
      return stage.stage.instructions.flatMap((instruction): Finding[] => {
        if (instruction.kind === 'shell') chosen = true
        if (instruction.kind !== 'cmd' && instruction.kind !== 'entrypoint') return []
        if (instruction.command.form === 'exec' || chosen) return []
        return [
          {
            at: instruction.at,
            message: `${instruction.kind.toUpperCase()} runs under a shell, which does not pass signals on`,
          },
        ]
      })
    }),
}

const ONCE: ReadonlySet<string> = new Set(['cmd', 'entrypoint', 'healthcheck'])

export const multipleInstructionsDisallowed: Rule = {
  name: 'MultipleInstructionsDisallowed',
  description: 'A stage has several CMD, ENTRYPOINT or HEALTHCHECK: only the last one counts',
  help: 'Remove the instructions that have no effect',
  severity: 'warning',
  find: (subject) =>
    stagesOf(subject).flatMap(({ instructions }) => {
      const earlier = new Map<string, SourcePosition>()
      return instructions.flatMap(({ kind, at }): Finding[] => {
        if (!ONCE.has(kind)) return []
        const replaced = earlier.get(kind)
        earlier.set(kind, at)
        return replaced
          ? [{ at: replaced, message: `${kind.toUpperCase()} has no effect: the one at line ${at.line} replaces it` }]
          : []
      })
    }),
}
