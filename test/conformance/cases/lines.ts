/** A text of these lines. */
export function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}
