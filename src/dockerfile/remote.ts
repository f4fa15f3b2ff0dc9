import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'
import { checkCommit, isGitUrl, parseGitUrl, type GitRemote, type RemoteOptions } from './git-url.ts'
import { showUrl } from './show-url.ts'

/** Something that comes over the network: a file, or a git repository. */
export type Remote = HttpRemote | GitRemote

export interface HttpRemote {
  readonly kind: 'http'
  /** Without fragment; a user and password in it are for the server. */
  readonly url: string
  /** Digest that the content must have, `sha256:...`. */
  readonly checksum?: string
}

/** Reads a URL or the address of a git repository; undefined: it is a path. Throws BAD_REFERENCE. */
export function parseRemote(text: string, options: RemoteOptions = {}): Remote | undefined {
  const git = isGitUrl(text, options)
  if (!git && !/^https?:\/\//i.test(text)) return undefined
  if (/[\u0000-\u0020\u007f]/.test(text))
    throw new XbuildError('BAD_REFERENCE', `Cannot read "${showUrl(text)}": a URL cannot contain white space`)
  if (git) return parseGitUrl(text)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.hostname === '')
    throw new XbuildError('BAD_REFERENCE', `Cannot read "${showUrl(text)}": it is not a URL`)
  url.hash = ''
  return { kind: 'http', url: url.href }
}

/** Whether an ADD source comes over the network: http(s), or a git repository. */
export function isRemote(source: string): boolean {
  return /^https?:\/\//i.test(source) || isGitUrl(source)
}

/** The name of the file that a URL is for: the last part of its path. */
export function fileNameOf(url: string): string {
  let path = new URL(url).pathname
  try {
    path = decodeURIComponent(path)
  } catch {
    // What is no percent-encoding stands for itself
  }
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name
}

/** The same remote with what its content must be. Throws BAD_REFERENCE when that is no checksum for it. */
export function withChecksum(remote: Remote, checksum: string): Remote {
  if (remote.kind === 'http') {
    if (/^sha256:[0-9a-f]{64}$/.test(checksum)) return { ...remote, checksum }
    throw new XbuildError('BAD_REFERENCE', `Cannot check "${shorten(checksum)}": it is not a digest`, {
      hint: 'Write sha256: and 64 hexadecimal digits',
    })
  }
  const commit = checkCommit(checksum)
  const [short, long] = [commit, remote.checksum ?? commit].sort((a, b) => a.length - b.length)
  if (long!.startsWith(short!)) return { ...remote, checksum: long! }
  throw new XbuildError(
    'BAD_REFERENCE',
    `Cannot check "${showRemote(remote)}": two different commits are given, ${remote.checksum} and ${commit}`,
  )
}

/** A remote as messages and progress show it, with what is wanted of a repository. */
export function showRemote(remote: Remote): string {
  if (remote.kind === 'http') return showUrl(remote.url)
  const subdir = remote.subdir === undefined ? '' : `:${remote.subdir}`
  const ref =
    remote.ref?.replace(/^refs\/(heads|tags)\//, '') ?? (remote.fetchByCommit ? remote.checksum : undefined) ?? ''
  return shorten(`${showUrl(remote.url)}${ref || subdir ? '#' : ''}${ref}${subdir}`)
}
