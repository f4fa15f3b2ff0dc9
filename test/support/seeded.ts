import { createHash } from 'node:crypto'

/** Numbers from 0 to 1 that look random, the same ones each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Such numbers for a thing that has a name, whatever else is asked for meanwhile. */
export function seededBy(seed: number, name: string): () => number {
  return seeded(createHash('sha256').update(`${seed} ${name}`).digest().readInt32BE())
}
