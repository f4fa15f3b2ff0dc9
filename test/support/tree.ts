import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Everything below a folder, one line each: `path type mode`, and the content of a file or the target of a symlink. */
export function treeLines(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder))
    .sort()
    .flatMap((name) => {
      const path = folder === '' ? name : `${folder}/${name}`
      const full = join(root, path)
      const stat = lstatSync(full)
      const mode = (stat.mode & 0o7777).toString(8)
      if (stat.isDirectory()) return [`${path} dir ${mode}`, ...treeLines(root, path)]
      if (stat.isSymbolicLink()) return [`${path} -> ${readlinkSync(full)}`]
      if (stat.isFile()) return [`${path} file ${mode} ${JSON.stringify(readFileSync(full, 'utf8'))}`]
      return [
        `${path} ${stat.isFIFO() ? 'fifo' : stat.isCharacterDevice() ? 'char' : stat.isBlockDevice() ? 'block' : 'socket'} ${mode}`,
      ]
    })
}
