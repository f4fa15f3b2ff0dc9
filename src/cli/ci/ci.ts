import { planLegs } from '../../ci/legs.ts'
import type { CiCommand } from '../../config/ci-flags.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'

/** `xbuild ci`: the matrix of a plan on stdout, or one leg that is built, or the merged image. */
export async function runCi(command: CiCommand, terminal: Terminal): Promise<number> {
  switch (command.verb) {
    case 'plan': {
      await print(terminal.stdout, `${JSON.stringify({ include: planLegs(command.platforms, command) })}\n`)
      return 0
    }
    case 'build':
      return (await import('./build-leg.ts')).buildLeg(command, terminal)
    case 'merge':
      return (await import('./merge-legs.ts')).mergeLegs(command, terminal)
  }
}
