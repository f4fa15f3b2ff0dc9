/** Shorter lines of a secret are no secret: masking them would only garble the log. */
const MIN_LENGTH = 6
const MASK = '***'

/** A function that makes every line of the secrets unreadable in a text. */
export function maskFor(secrets: readonly Buffer[]): (text: string) => string {
  const mask = createMask()
  for (const secret of secrets) mask.add(secret)
  return mask.text
}

/** Makes what became known of secrets so far unreadable. */
export interface Mask {
  /** Every line of it is a secret from now on. */
  add(secret: Buffer | string): void
  text(text: string): string
}

/** A mask that knows no secret yet. It costs the same for one secret and for ten thousand lines of them. */
export function createMask(): Mask {
  const known = new Set<string>()
  /** Lines by how they begin, longest first. */
  const byHead = new Map<string, string[]>()
  const firsts = new Set<number>()
  return {
    add(secret) {
      for (const raw of secret.toString('utf8').split(/\r?\n/)) {
        const line = raw.trim()
        if (line.length < MIN_LENGTH || known.has(line)) continue
        known.add(line)
        firsts.add(line.charCodeAt(0))
        const head = line.slice(0, MIN_LENGTH)
        const lines = byHead.get(head)
        if (lines) lines.push(line)
        else byHead.set(head, [line])
      }
      for (const lines of byHead.values()) lines.sort((a, b) => b.length - a.length)
    },
    text(text) {
      if (known.size === 0) return text
      let masked = ''
      let shown = 0
      let until = 0
      for (let at = 0; at + MIN_LENGTH <= text.length; at += 1) {
        if (!firsts.has(text.charCodeAt(at))) continue
        const found = byHead.get(text.slice(at, at + MIN_LENGTH))?.find((line) => text.startsWith(line, at))
        if (found === undefined) continue
        // Where two overlap, nothing of either stays
        if (at >= until) masked += text.slice(shown, at) + MASK
        until = Math.max(until, at + found.length)
        shown = until
      }
      return masked + text.slice(shown)
    },
  }
}
