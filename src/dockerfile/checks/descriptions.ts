import type { Finding, Rule } from './rule.ts'
import { stagesOf } from './rule.ts'

export const invalidDefinitionDescription: Rule = {
  name: 'InvalidDefinitionDescription',
  description: 'A comment above a stage or an ARG does not begin with its name, so it is not a description',
  help: 'Begin the comment with the name, or leave an empty line below it',
  severity: 'warning',
  experimental: true,
  find(subject) {
    const args = [...subject.dockerfile.metaArgs, ...stagesOf(subject).flatMap(({ instructions }) => instructions)]
    return [
      ...args.flatMap((instruction): Finding[] => {
        if (instruction.kind !== 'arg') return []
        const names = instruction.args.map(({ name }) => name)
        return describes(names, instruction.written?.comments)
          ? []
          : [{ at: instruction.at, message: message('ARG', names) }]
      }),
      ...stagesOf(subject).flatMap(({ from }): Finding[] => {
        const names = from.as === undefined ? [] : [from.as.toLowerCase()]
        return describes(names, from.written?.comments) ? [] : [{ at: from.at, message: message('FROM', names) }]
      }),
    ]
  },
}

function message(what: string, [name, ...more]: readonly string[]): string {
  return `Comment above ${what} does not begin with ${more.length > 0 ? 'the name of an argument' : `"${name}"`}`
}

/** The last line above counts. Configuration of checks is no description. */
function describes(names: readonly string[], comments: readonly string[] = []): boolean {
  const last = comments.at(-1)
  if (last === undefined || names.length === 0 || /^check\s*=/i.test(last)) return true
  return names.includes(last.split(' ')[0]!)
}

/** What the comments above say about a name: the rest of the line that begins with it. */
export function descriptionOf(name: string, comments: readonly string[] = []): string | undefined {
  const line = comments.find((comment) => comment.startsWith(`${name} `))
  return line?.slice(name.length + 1).trim()
}
