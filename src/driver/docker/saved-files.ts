import { posix } from 'node:path'
import { XbuildError } from '../../errors.ts'
import type { Digest } from '../../oci/descriptor.ts'

/** A layer of a saved image, or what may be one, in a temporary folder. */
export interface KeptLayer {
  readonly kind: 'layer'
  readonly file: string
  readonly digest: Digest
  /** Absent: it came packed. */
  readonly diffId: Digest | undefined
  readonly size: number
  readonly mediaType: string
}

/** One file of the archive of a saved image. */
export type Kept =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | KeptLayer
  | { readonly kind: 'link'; readonly to: string }

/** The files of the archive, by their cleaned paths. */
export type SavedFiles = ReadonlyMap<string, Kept>

/** The file at a path, through links. */
export function follow(files: SavedFiles, path: string): Exclude<Kept, { kind: 'link' }> | undefined {
  let found = files.get(path)
  for (let hops = 0; found?.kind === 'link' && hops < 10; hops++) found = files.get(found.to)
  return found?.kind === 'link' ? undefined : found
}

/** The bytes of a small file. Throws BAD_IMAGE. */
export function bytesOf(files: SavedFiles, path: string, endpoint: string): Buffer {
  const found = follow(files, path)
  if (found?.kind === 'bytes') return found.bytes
  throw badSavedImage(endpoint, found ? `its "${path}" is too large` : `"${path}" is missing`)
}

/** A path as all of the archive are compared: from its root on. */
export function cleanPath(path: string): string {
  return posix
    .normalize(path)
    .replace(/^(\.?\/)+/, '')
    .replace(/\/$/, '')
}

/** The error for an archive that is not a saved image. */
export function badSavedImage(endpoint: string, state: string): XbuildError {
  return new XbuildError('BAD_IMAGE', `Cannot take the image from "${endpoint}": ${state}`)
}
