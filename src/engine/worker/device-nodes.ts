import { readdirSync, type Dirent } from 'node:fs'
import { lstatIfPresent } from '../../content/lstat.ts'
import { XbuildError } from '../../errors.ts'
import { isPathTooLong, pathTooLong } from './path-too-long.ts'
import { MOUNT_POINTS } from './bundle.ts'

/** Folders of the image in which a container sees its own. */
const COVERED: readonly string[] = MOUNT_POINTS

/**
 * The devices in the file system of a step, by their paths in it. What cannot be looked at is an error: there may be one.
 */
export function deviceNodesIn(root: string): string[] {
  const nodes: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
    for (const entry of entriesOf(root, folder)) {
      const path = `${folder}/${entry.name}`
      const isDevice = entry.isBlockDevice() || entry.isCharacterDevice()
      if (COVERED.includes(path) || !(isDevice || entry.isDirectory())) continue
      if (!lstatIfPresent(root + path)) {
        // Node turns bytes that are not UTF-8 into a mark
        throw new XbuildError(
          'UNSUPPORTED',
          `Cannot close the devices of an image: "${path}" has a name that is not UTF-8`,
        )
      }
      if (isDevice) nodes.push(path)
      else folders.push(path)
    }
  return nodes
}

function entriesOf(root: string, folder: string): Dirent[] {
  try {
    return readdirSync(`${root}${folder}/`, { withFileTypes: true })
  } catch (error) {
    throw isPathTooLong(error) ? pathTooLong(error as Error) : error
  }
}
