import { toXbuildError, type XbuildError } from '../errors.ts'
import type { MoveTags } from '../publish/publish-options.ts'
import type { TagMove } from '../publish/tag-move.ts'
import { moveTogether, type Waits, withheld } from './tag-gate.ts'

/** What tags may lose, and to whom. */
type Rules = Pick<TagMove, 'append' | 'before' | 'force' | 'allowPlatformDrop' | 'missing'>

/** Where images that are published side by side wait until each of them has come to its tags, or ended before. */
export interface TagBarrier {
  /** How publishing an image moves its tags: with those of all others, when no other one has failed. */
  moveTags(rules: Rules): MoveTags
  /** An image is over; with an error no tag of the others moves. What is said later of it does not count. */
  ended(image: string, error?: unknown): void
}

/** A barrier for so many images; each has to say that it is over. */
export function createTagBarrier(count: number): TagBarrier {
  const waiting: Waits[] = []
  const over = new Set<string>()
  let isOpen = false
  let failure: { readonly image: string; readonly error: XbuildError } | undefined

  function open(): void {
    if (isOpen || waiting.length + over.size < count) return
    isOpen = true
    if (failure) for (const one of waiting) one.fail(withheld(failure))
    else
      void moveTogether(waiting).then((goOn) => {
        for (const one of waiting) goOn(one)
      })
  }

  return {
    moveTags: (rules) => (asked, client) =>
      new Promise((done, fail) => {
        waiting.push({ moves: asked.map((one) => ({ ...client, ...one, ...rules })), done, fail })
        open()
      }),
    ended(image, thrown) {
      // Those that waited are counted already
      if (isOpen) return
      over.add(image)
      if (thrown !== undefined) failure ??= { image, error: toXbuildError(thrown) }
      open()
    },
  }
}
