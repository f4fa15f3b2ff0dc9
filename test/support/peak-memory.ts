import { expect } from 'vitest'

/** What hostile input may cost. */
const MOST = 100e6

/** What `run` gives, or throws: with it the largest memory of this process has grown by less than 100 MB. */
export function withinMemory<T>(run: () => T): T {
  const before = peak()
  try {
    return run()
  } finally {
    expect(peak() - before, 'bytes of memory').toBeLessThan(MOST)
  }
}

function peak(): number {
  return process.resourceUsage().maxRSS * 1024
}
