import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { compact } from '../compact.ts'

/** How a file is opened, and what stops the writing. */
export interface PipeOptions {
  readonly flags: 'wx' | 'w' | 'a'
  readonly mode?: number
  readonly signal: AbortSignal
}

/**
 * Writes the end of a chain of streams into a file. When it is over, well or not, nothing holds the file or will yet
 * make it.
 */
export async function pipeToFile(
  chain: readonly (AsyncIterable<Uint8Array> | NodeJS.ReadableStream | NodeJS.ReadWriteStream)[],
  path: string,
  { flags, mode, signal }: PipeOptions,
): Promise<void> {
  const out = createWriteStream(path, { flags, ...compact({ mode }) })
  try {
    await pipeline([...chain, out] as unknown as [NodeJS.ReadableStream, NodeJS.WritableStream], { signal })
  } finally {
    // A chain that breaks at once does so while the file is still being opened
    if (!out.closed) await new Promise<void>((resolve) => void out.once('close', () => resolve()))
  }
}
