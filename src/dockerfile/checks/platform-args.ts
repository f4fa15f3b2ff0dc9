import type { ArgInstruction } from '../types.ts'
import type { Finding, Rule } from './rule.ts'
import { stagesOf } from './rule.ts'

/** What the builder sets by itself; a default takes its place. */
const AUTOMATIC = /^(BUILD|TARGET)(PLATFORM|OS|ARCH|VARIANT)$/

export const platformArgDefaultDisallowed: Rule = {
  name: 'PlatformArgDefaultDisallowed',
  description: 'A default of TARGETARCH or its siblings hides the platform that is built',
  help: 'Write ARG NAME without a default: the builder sets it',
  severity: 'warning',
  own: true,
  find(subject) {
    const global = subject.dockerfile.metaArgs.flatMap((instruction) => hidden(instruction, { isGlobal: true }))
    const own = stagesOf(subject).flatMap(({ instructions }) =>
      instructions.flatMap((instruction) =>
        instruction.kind === 'arg' ? hidden(instruction, { isGlobal: false }) : [],
      ),
    )
    return [...global, ...own]
  },
}

function hidden({ args, at }: ArgInstruction, { isGlobal }: { isGlobal: boolean }): Finding[] {
  return args.flatMap(({ name, value }) => {
    if (value === undefined || !AUTOMATIC.test(name)) return []
    // Nearly every image is for Linux, and before FROM the automatic value can be referred to.
    const harmless = (name.endsWith('OS') && /^["']?linux["']?$/.test(value)) || (isGlobal && value.includes('$'))
    return harmless
      ? []
      : [
          {
            at,
            message: `ARG ${name}=${value} hides the platform that is built: ${name} is "${value}" for all of them`,
          },
        ]
  })
}
