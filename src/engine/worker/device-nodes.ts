import { XbuildError } from '../../errors.ts'
import { direntsSync } from '../../host/byte-files.ts'
import { shownName } from '../../oci/tar-decode.ts'
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
    for (const { name, entry } of entriesOf(root, folder)) {
      const path = `${folder}/${name}`
      const isDevice = entry.isBlockDevice() || entry.isCharacterDevice()
      if (COVERED.includes(path) || !(isDevice || entry.isDirectory())) continue
      if (!isDevice) folders.push(path)
      else if (path.isWellFormed()) nodes.push(path)
      // The configuration of a runtime is JSON: it has no name for it
      else throw notUtf8(path)
    }
  return nodes
}

function notUtf8(path: string): XbuildError {
  const shown = shownName(path)
  return new XbuildError('UNSUPPORTED', `Cannot close the device "${shown}" of an image: its name is not UTF-8`, {
    hint: 'Remove it in an earlier step, or use runc as the OCI runtime',
  })
}

function entriesOf(root: string, folder: string): ReturnType<typeof direntsSync> {
  try {
    return direntsSync(`${root}${folder}/`)
  } catch (error) {
    throw isPathTooLong(error) ? pathTooLong(error as Error) : error
  }
}
