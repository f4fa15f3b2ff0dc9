import { join, relative } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { readdirSync } from '../../host/byte-files.ts'
import { lstatIfPresent } from '../../content/lstat.ts'
import { removeTree } from '../../host/remove-tree.ts'

/** What an entry's name says about the layers below (image-spec layer.md, "Whiteouts"). */
export type Whiteout =
  /** The folder shows nothing of what lies below. */
  | { readonly kind: 'opaque' }
  /** The name is gone. */
  | { readonly kind: 'removed'; readonly name: string }
  /** A note of the program that made the layer. */
  | { readonly kind: 'ignored' }

const PREFIX = '.wh.'

/**
 * The whiteout that a file name stands for, or undefined for the name of a file. Throws BAD_IMAGE for one that names
 * no file.
 */
export function whiteoutOf(name: string): Whiteout | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  if (name === '.wh..wh..opq') return { kind: 'opaque' }
  if (name.startsWith('.wh..wh.')) return { kind: 'ignored' }
  const hidden = name.slice(PREFIX.length)
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw new XbuildError('BAD_IMAGE', `Cannot unpack "${name}": it is a whiteout without a file name`, {
      hint: 'The image is damaged or malicious',
    })
  }
  return { kind: 'removed', name: hidden }
}

/**
 * Removes from the overlay `root` what lies at a path below its `upper` folder, and keeps what that folder holds
 * itself.
 */
export function hide(root: string, upper: string, path: string): void {
  const own = lstatIfPresent(join(upper, relative(root, path)))
  if (!own || (own.isCharacterDevice() && own.rdev === 0)) removeTree(path)
  else if (own.isDirectory()) hideChildren(root, upper, path)
}

/** `hide` for everything in a folder. */
export function hideChildren(root: string, upper: string, folder: string): void {
  for (const name of readdirSync(folder)) hide(root, upper, join(folder, name))
}
