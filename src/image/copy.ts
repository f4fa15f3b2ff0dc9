import type { Emit } from '../events.ts'
import type { Document } from '../oci/make-manifest.ts'
import { readRoot } from './entries.ts'
import type { ImageSource } from './source.ts'
import type { ImageTarget } from './target.ts'
import { createTransfer, type Transferred } from './transfer.ts'

/** What is copied where. */
export interface CopyOptions {
  readonly source: ImageSource
  readonly target: ImageTarget
  readonly referrers: boolean
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** Copies an image with all its platforms, byte by byte, and what is said of it; the name of it comes last. */
export async function copyImage(options: CopyOptions): Promise<Transferred & { readonly root: Document }> {
  const { source, target, signal } = options
  target.prepare?.(signal)
  const { root, entries } = await readRoot(source, signal)
  const { mediaType, digest, size } = root.descriptor
  const plain: Document = { descriptor: { mediaType, digest, size }, bytes: root.bytes }
  const transfer = createTransfer(options)
  await transfer.bring([plain.descriptor])
  await target.publish(plain, entries, signal)
  return { ...transfer.result(), root: plain }
}
