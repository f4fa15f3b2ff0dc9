import { planImageLegs, planLegs } from '../../ci/legs.ts'
import type { CiCommand } from '../../config/ci-line.ts'
import type { Calling } from '../command.ts'
import { print } from '../print.ts'
import type { Terminal } from '../terminal.ts'

/** `xbuild ci`: the matrix of a plan on stdout, or one leg that is built, or the merged image. */
export async function runCi(command: CiCommand, terminal: Terminal, calling: Calling): Promise<number> {
  switch (command.verb) {
    case 'plan':
      await print(terminal.stdout, `${JSON.stringify(await matrixOf(command, terminal))}\n`)
      return 0
    case 'build':
      return (await import('./build-leg.ts')).buildLeg(command, terminal, calling)
    case 'merge':
      return (await import('./merge-legs.ts')).mergeLegs(command, terminal)
  }
}

async function matrixOf(command: Extract<CiCommand, { verb: 'plan' }>, terminal: Terminal): Promise<object> {
  const { images, platforms, waves } = command
  if (!images) {
    const legs = planLegs(platforms, command)
    if (!command.options) return { include: legs }
    return (await import('./neutral.ts')).wavesOf(legs, { ...command, options: command.options }, terminal)
  }
  const { imagesIn, openImages } = await import('./images.ts')
  const { chosen, shared } = imagesIn(await openImages(images, terminal))
  const legs = { include: planImageLegs(chosen, command) }
  return waves ? { first: { include: planImageLegs(shared, command) }, legs } : legs
}
