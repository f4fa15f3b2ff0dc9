import { XbuildError } from '../errors.ts'
import { showUrl } from './show-url.ts'

/** A git repository, and what is wanted of it. */
export interface GitRemote {
  readonly kind: 'git'
  /** As the git program takes it, without query and fragment. */
  readonly url: string
  /** A branch, tag or commit; full (`refs/...`) when the kind is known. Absent: what HEAD of the repository is. */
  readonly ref?: string
  /** The folder to take, relative and clean. Absent: all. */
  readonly subdir?: string
  /** What the commit id must begin with. */
  readonly checksum?: string
  readonly keepGitDir: boolean
  readonly submodules: boolean
  /** Times of the files: that of the commit, or of the checkout. */
  readonly mtime: 'commit' | 'checkout'
  /** Fetch the commit of `checksum` itself, whatever `ref` points to. */
  readonly fetchByCommit: boolean
}

/** Who gave an address. */
export interface RemoteOptions {
  /** The user, on the command line: `github.com/owner/repository` and `file://` are git repositories there. */
  readonly byUser?: boolean
}

/** `user@host:path`, as ssh users write it. */
const SCP = /^([A-Za-z0-9_][\w-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!-)([^?#]+)((?:\?[^#]*)?)((?:#.*)?)$/
const QUERY_KEYS = [
  'ref',
  'tag',
  'branch',
  'subdir',
  'checksum',
  'commit',
  'keep-git-dir',
  'submodules',
  'mtime',
  'fetch-by-commit',
]
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i

/** Whether a text is the address of a git repository; an http(s) URL is when its path ends in `.git`. */
export function isGitUrl(text: string, { byUser = false }: RemoteOptions = {}): boolean {
  if (/^(git|ssh):\/\//i.test(text) || SCP.test(text)) return true
  if (/^https?:\/\//i.test(text)) return /^[^?#]*\.git(?:[?#]|$)/.test(text)
  return byUser && (/^file:\/\//i.test(text) || /^github\.com\//i.test(text))
}

/** The host that a git URL, or `user@host:path`, names; none of a `file://` URL. */
export function hostOfGit(url: string): string {
  return SCP.exec(url)?.[2] ?? (URL.canParse(url) ? new URL(url).hostname : '')
}

/** Whether a text names one commit in full. */
export function isCommitId(text: string): boolean {
  return COMMIT.test(text)
}

/** Reads `URL[?ref=...&subdir=...][#ref[:subdir]]`, where `isGitUrl` said yes. Throws BAD_REFERENCE. */
export function parseGitUrl(text: string): GitRemote {
  const [, address = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text) ?? []
  const url = /^github\.com\//i.test(address) ? `https://${address}` : address
  checkAddress(url, text)
  const asked = readQuery(query.slice(1), text)
  const [ref, subdir] = splitFragment(decoded(fragment.slice(1), text))
  const refs = [
    asked.get('ref'),
    withPrefix('refs/tags/', asked.get('tag')),
    withPrefix('refs/heads/', asked.get('branch')),
    ref,
  ].filter(Boolean)
  const wanted = only(refs, 'ref', text)
  const folder = only([asked.get('subdir'), subdir].filter(Boolean), 'subdir', text)
  const checksum = only([asked.get('checksum'), asked.get('commit')].filter(Boolean), 'checksum', text)
  const mtime = asked.get('mtime') ?? 'commit'
  if (mtime !== 'commit' && mtime !== 'checkout') throw bad(text, `mtime must be commit or checkout, not "${mtime}"`)
  const fetchByCommit = flag(asked, 'fetch-by-commit', false, text)
  if (fetchByCommit && !isCommitId(checksum ?? ''))
    throw bad(text, 'fetch-by-commit needs the complete commit id as checksum')
  const clean = folder === undefined ? undefined : cleanSubdir(folder, text)
  return {
    kind: 'git',
    url,
    ...(wanted === undefined ? {} : { ref: checkRef(wanted, text) }),
    ...(clean ? { subdir: clean } : {}),
    ...(checksum === undefined ? {} : { checksum: checkCommit(checksum) }),
    keepGitDir: flag(asked, 'keep-git-dir', false, text),
    submodules: flag(asked, 'submodules', true, text),
    mtime,
    fetchByCommit,
  }
}

/** The beginning of a commit id, in lower case. Throws BAD_REFERENCE. */
export function checkCommit(text: string): string {
  if (/^[0-9a-f]{7,64}$/i.test(text)) return text.toLowerCase()
  throw new XbuildError('BAD_REFERENCE', `Cannot check commit "${text.slice(0, 80)}": it is not a commit id`, {
    hint: 'Write at least seven of its hexadecimal digits',
  })
}

// The parts of the address end up as arguments of git and of ssh: none may look like an option
function checkAddress(url: string, text: string): void {
  if (SCP.test(url)) return
  if (/^file:\/\//i.test(url)) {
    if (/^file:\/\/\/./i.test(url)) return
    throw bad(text, 'a file URL must have three slashes')
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || parsed.hostname === '') throw bad(text, 'it is not a URL')
  if (parsed.hostname.startsWith('-') || parsed.username.startsWith('-'))
    throw bad(text, 'its host or user begins with "-"')
  if (parsed.pathname === '' || parsed.pathname === '/') throw bad(text, 'it names no repository')
}

function readQuery(query: string, text: string): Map<string, string> {
  const asked = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(query)) {
    if (!QUERY_KEYS.includes(key)) throw bad(text, `"${key}" is unknown`, `The keys are ${QUERY_KEYS.join(', ')}`)
    if (asked.has(key)) throw bad(text, `"${key}" is there twice`)
    asked.set(key, value)
  }
  return asked
}

function splitFragment(fragment: string): [ref: string, subdir: string] {
  const colon = fragment.indexOf(':')
  return colon === -1 ? [fragment, ''] : [fragment.slice(0, colon), fragment.slice(colon + 1)]
}

function only(values: readonly (string | undefined)[], what: string, text: string): string | undefined {
  const [first, ...rest] = new Set(values)
  if (rest.length === 0) return first
  throw bad(text, `${what} is given as "${first}" and as "${rest[0]}"`)
}

function withPrefix(prefix: string, name: string | undefined): string | undefined {
  return !name || name.startsWith(prefix) ? name : `${prefix}${name}`
}

function flag(asked: ReadonlyMap<string, string>, key: string, absent: boolean, text: string): boolean {
  const value = asked.get(key)
  if (value === undefined) return absent
  if (/^(1|t|true|)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw bad(text, `${key} must be true or false, not "${value}"`)
}

// git-check-ref-format(1), and nothing that git could take for an option or a pattern
function checkRef(ref: string, text: string): string {
  const wrong =
    /^[-/.]|[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|[/.]$|\.lock$/.test(ref) || ref === '@' || ref.length > 250
  if (wrong) throw bad(text, `"${ref.slice(0, 80)}" is not a branch, tag or commit`)
  return ref
}

function cleanSubdir(subdir: string, text: string): string {
  const parts = subdir.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || subdir.includes('\0')) throw bad(text, 'its folder is outside of the repository')
  return parts.join('/')
}

function decoded(fragment: string, text: string): string {
  try {
    return decodeURIComponent(fragment)
  } catch (cause) {
    throw bad(text, 'its fragment is wrongly encoded', undefined, cause)
  }
}

function bad(text: string, state: string, hint?: string, cause?: unknown): XbuildError {
  return new XbuildError('BAD_REFERENCE', `Cannot read git repository "${showUrl(text)}": ${state}`, {
    hint,
    ...(cause ? { cause } : {}),
  })
}
