import type { Diagnostic } from './errors.ts'

/** Every item once, by its key: the first of those that have the same. */
export function distinctBy<T>(items: Iterable<T>, keyOf: (item: T) => string): T[] {
  const seen = new Set<string>()
  return [...items].filter((item) => {
    const key = keyOf(item)
    return !seen.has(key) && seen.add(key)
  })
}

/** Every finding once: the stages of several platforms have most of them in common. */
export function distinctDiagnostics(found: readonly Diagnostic[]): Diagnostic[] {
  return distinctBy(found, ({ rule, message, at }) => `${rule} ${at.file}:${at.line} ${message}`)
}
