/** Shorter lines of a secret are no secret: masking them would only garble the log. */
const MIN_LENGTH = 6

/** A function that makes every line of the secrets unreadable in a line of a log. */
export function maskFor(secrets: readonly Buffer[]): (line: string) => string {
  const lines = secrets
    .flatMap((secret) => secret.toString('utf8').split(/\r?\n/))
    .map((line) => line.trim())
    .filter((line) => line.length >= MIN_LENGTH)
  const parts = [...new Set(lines)].sort((a, b) => b.length - a.length)
  if (parts.length === 0) return (line) => line
  return (line) => parts.reduce((masked, part) => masked.replaceAll(part, '***'), line)
}
