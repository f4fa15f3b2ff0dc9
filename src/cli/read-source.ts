import { readFileSync, statSync } from 'node:fs'

/** Text of a source file, to show lines of it with an error; undefined when it is not a readable file of sane size. */
export function readSource(path: string): string | undefined {
  try {
    const stat = statSync(path)
    return stat.isFile() && stat.size < 2_000_000 ? readFileSync(path, 'utf8') : undefined
  } catch {
    return undefined // the error itself is shown; its source lines are an extra
  }
}
