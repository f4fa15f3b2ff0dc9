import type { Finding, Rule } from './rule.ts'
import { stagesOf } from './rule.ts'

const SECRET = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
/** Names that say where a secret is, or that it is none. */
const HARMLESS = /(?:^|_)(?:public|file|version)(?:_|$)/i

/** Whether a variable of that name holds a secret, as far as names tell. */
export function looksSecret(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name)
}

export const secretsUsedInArgOrEnv: Rule = {
  name: 'SecretsUsedInArgOrEnv',
  description: 'A secret is passed by ARG or ENV, which stay in the image or its history',
  help: 'Use RUN --mount=type=secret for what must stay secret',
  severity: 'warning',
  find: (subject) =>
    stagesOf(subject).flatMap(({ instructions }) =>
      instructions.flatMap((instruction): Finding[] => {
        const { kind, at } = instruction
        if (kind !== 'arg' && kind !== 'env') return []
        const names =
          kind === 'arg' ? instruction.args.map(({ name }) => name) : instruction.pairs.map(({ key }) => key)
        const where = kind === 'arg' ? 'the history of the image' : 'the image'
        return names
          .filter(looksSecret)
          .map((name) => ({ at, message: `${kind.toUpperCase()} "${name}" looks like a secret: it stays in ${where}` }))
      }),
    ),
}
