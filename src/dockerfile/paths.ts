import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'

/** A slash path in its shortest form, `.` for nothing; `..` does not leave `/`. No file system is asked. */
export function cleanPath(path: string): string {
  const absolute = path.startsWith('/')
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (!absolute) parts.push('..')
  }
  const clean = parts.join('/')
  return absolute ? `/${clean}` : clean === '' ? '.' : clean
}

/** `path` seen from the folder `base`, absolute and clean. */
export function resolvePath(base: string, path: string): string {
  return cleanPath(path.startsWith('/') ? path : `/${base}/${path}`)
}

/** `resolvePath` that keeps what says "a folder": a slash, `.` or nothing at the end. */
export function resolveDest(base: string, path: string): string {
  const clean = resolvePath(base, path)
  const folder = path === '' || path === '.' || path.endsWith('/') || path.endsWith('/.')
  return folder && clean !== '/' ? `${clean}/` : clean
}

/** A source path relative to the root of what is copied from: `.` for the root itself, never above it. */
export function sourcePath(path: string): string {
  const clean = cleanPath(`/${path}`)
  return clean === '/' ? '.' : clean.slice(1)
}

/** A path of Windows with slashes; below the system drive, which is the root. Throws BAD_DOCKERFILE. */
export function slashPath(path: string): string {
  const slashes = path.replaceAll('\\', '/')
  const colon = slashes.indexOf(':')
  const state = slashes.startsWith('//')
    ? 'it is on another machine'
    : colon === -1 || /^c:./is.test(slashes)
      ? undefined
      : /^c:$/i.test(slashes)
        ? 'it is a drive without a path'
        : 'it is not on the system drive C:'
  // What follows a drive without a slash is relative
  if (state === undefined) return slashes.slice(colon + 1)
  throw new XbuildError('BAD_DOCKERFILE', `Cannot use path "${shorten(path)}": ${state}`, {
    hint: 'Write it like C:/folder or /folder',
  })
}
