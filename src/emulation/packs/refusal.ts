/** Why a program has no twin, as it is kept. */
export interface Refusal {
  /** GOARCH. */
  readonly architecture: string
  /** Of the program in the image. */
  readonly path: string
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** How long a refusal is believed: the archive may get what it did not have. Milliseconds. */
const LIFE = 6 * 3_600_000

/** Whether a refusal that was read still counts. */
export function isFresh(refusal: Partial<Refusal> | null): boolean {
  return typeof refusal?.reason === 'string' && typeof refusal.at === 'number' && Date.now() - refusal.at < LIFE
}
