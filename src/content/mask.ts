import { formsOf } from './mask-forms.ts'

/** Shorter lines of a secret are no secret: masking them would only garble the log. */
const MIN_LENGTH = 6
const MASK = '***'

/** A function that makes every line of the secrets unreadable in a text. */
export function maskFor(secrets: readonly Buffer[]): Mask {
  const mask = createMask()
  for (const secret of secrets) mask.add(secret)
  return mask
}

/** Makes what became known of secrets so far unreadable. */
export interface Mask {
  /** Every line of it is a secret from now on, as it is and as programs encode it. */
  add(secret: Buffer | string): void
  text(text: string): string
  /** Where a text that goes on may be cut in two, at most at `at`: no secret lies, or may come to lie, across it. */
  cut(text: string, at: number): number
}

/** A mask that knows no secret yet. It costs the same for one secret and for ten thousand lines of them. */
export function createMask(): Mask {
  const known = new Set<string>()
  /** Lines by how they begin, longest first. */
  const byHead = new Map<string, string[]>()
  const firsts = new Set<number>()
  let longest = 0

  function know(line: string, changed: Set<string[]>): void {
    if (line.length < MIN_LENGTH || known.has(line)) return
    known.add(line)
    firsts.add(line.charCodeAt(0))
    longest = Math.max(longest, line.length)
    const head = line.slice(0, MIN_LENGTH)
    const lines = byHead.get(head) ?? []
    if (lines.push(line) === 1) byHead.set(head, lines)
    changed.add(lines)
  }

  /** Whether a secret begins at `at` and ends behind `end`, as far as the text is there. */
  function goesOn(text: string, at: number, end: number): boolean {
    if (!firsts.has(text.charCodeAt(at))) return false
    const rest = (line: string) => at + line.length > end && line.startsWith(text.slice(at, at + line.length))
    const head = text.slice(at, at + MIN_LENGTH)
    if (head.length === MIN_LENGTH) return byHead.get(head)?.some(rest) ?? false
    return [...byHead.keys()].some((known) => known.startsWith(head))
  }

  return {
    add(secret) {
      const changed = new Set<string[]>()
      for (const raw of secret.toString('utf8').split(/\r?\n/)) {
        const line = raw.trim()
        if (line.length < MIN_LENGTH || known.has(line)) continue
        know(line, changed)
        for (const form of formsOf(line)) know(form, changed)
      }
      for (const lines of changed) lines.sort((a, b) => b.length - a.length)
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
    cut(text, at) {
      let end = at
      for (let start = Math.max(0, end - longest + 1); start < end; start += 1) {
        if (!goesOn(text, start, end)) continue
        // What begins before this one may reach across the new end
        end = start
        start = Math.max(-1, end - longest)
      }
      return end
    },
  }
}
