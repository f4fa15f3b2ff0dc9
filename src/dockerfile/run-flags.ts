import type { Dockerfile } from './types.ts'

/**
 * RUN as the first word of a line: blanks before it, and what ends it. A word that goes on in the next line is left
 * alone.
 */
const RUN = /^([\t\v\f\r ]*)(run)(?=[\t\v\f\r ]|$|\\|`)/i

/**
 * The text of a Dockerfile with one more flag right after the word RUN, in the stages for which `flagOf` has one; by
 * index. Everything else stays as it is, and where it is: no line comes or goes. Triggers of ONBUILD are no RUN of
 * their stage.
 */
export function withRunFlags(
  text: string,
  { stages }: Pick<Dockerfile, 'stages'>,
  flagOf: (stage: number) => string | undefined,
): string {
  const flags = new Map<number, string>()
  for (const { index, instructions } of stages) {
    const flag = flagOf(index)
    if (flag !== undefined) for (const { kind, at } of instructions) if (kind === 'run') flags.set(at.line, flag)
  }
  if (flags.size === 0) return text
  const lines = text.split('\n')
  for (const [number, flag] of flags)
    lines[number - 1] = lines[number - 1]!.replace(RUN, (_, blanks: string, word: string) => `${blanks}${word} ${flag}`)
  return lines.join('\n')
}
