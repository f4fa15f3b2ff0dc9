import { XbuildError } from '../errors.ts'
import { parentsOf, type TreeOptions } from './tree.ts'

/**
 * Watches the entries of several platforms that go into one folder: only folders may be there twice. Throws BAD_OPTION
 * with the path and both platforms.
 */
export function createTaken(): (platform: string) => Required<Pick<TreeOptions, 'onEntry'>> {
  const files = new Map<string, string>()
  const folders = new Map<string, string>()
  return (platform) => ({
    onEntry(path, isFolder) {
      // A link of another platform must not lead the files below it elsewhere
      const above = parentsOf(path).find((parent) => (files.get(parent) ?? platform) !== platform)
      const other = files.get(above ?? path) ?? (isFolder ? undefined : folders.get(path))
      if (other !== undefined && other !== platform)
        throw new XbuildError(
          'BAD_OPTION',
          `Cannot export "${path.slice(0, 200)}" of ${platform}: ${other} has it too, and platform-split=false puts both into one folder`,
          { hint: 'Leave out platform-split=false, or give the files different names' },
        )
      const all = isFolder ? folders : files
      all.set(path, all.get(path) ?? platform)
    },
  })
}
