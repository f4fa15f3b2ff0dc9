import type { NamedContext } from '../../config/options.ts'
import type { TreeSource } from './vertex.ts'

/** The file system that a `--build-context` is when it comes from elsewhere and is no image. */
export function treeOf(context: NamedContext | undefined): TreeSource | undefined {
  return context?.kind === 'remote' ? context.remote : undefined
}
