/** Whether a path says where it begins. */
export function isAbsolutePath(path: string): boolean {
  return path.startsWith('/')
}

/** A path within a folder, with `.` and `..` taken out; an absolute one stays what it is. */
export function joinPath(folder: string, path: string): string {
  return cleanPath(isAbsolutePath(path) ? path : `${folder}/${path}`)
}

/** The shortest way to write a path; `..` at its beginning stays. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (!isAbsolutePath(path)) parts.push(part)
  }
  return isAbsolutePath(path) ? `/${parts.join('/')}` : parts.join('/') || '.'
}

/** The folder that a file is in. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '.' : slash === 0 ? '/' : path.slice(0, slash)
}
