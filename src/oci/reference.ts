import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import type { Digest } from './descriptor.ts'
import { parseDigest } from './digest.ts'

/** An image reference, normalised as Docker does: `docker.io/library/alpine:3`. */
export interface Reference {
  /** `docker.io`, `127.0.0.1:5000`, ... */
  readonly host: string
  /** `library/alpine` */
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[a-f0-9:]+\])(?::[0-9]{1,5})?$/i
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
const DOCKER_HUB = 'docker.io'

/**
 * Reads `[host[:port]/]name[:tag][@digest]`; without tag and digest the tag is `latest` (distribution-spec, Docker's
 * normalisation).
 */
export function parseReference(text: string): Reference {
  if (text === '') throw bad(text, 'it is empty')
  if (text.length > 4096) throw bad(text, 'it is too long')
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.exec(text)?.[0]
  if (scheme) throw bad(text, 'it is a URL', `Leave out ${scheme}`)
  const at = text.indexOf('@')
  const named = at < 0 ? text : text.slice(0, at)
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1))
  const colon = named.lastIndexOf(':')
  const tagged = colon > named.lastIndexOf('/')
  const tag = tagged ? named.slice(colon + 1) : digest ? undefined : 'latest'
  if (tag !== undefined && !TAG.test(tag)) {
    throw bad(
      text,
      `"${cut(tag)}" is not a tag`,
      'Use up to 128 letters, digits, "_", "." and "-"; begin with neither "." nor "-"',
    )
  }
  const { host, repository } = splitHost(tagged ? named.slice(0, colon) : named)
  checkHost(text, host)
  checkRepository(text, repository)
  return { host, repository, ...compact({ tag, digest }) }
}

/** The full text of a reference, with host, tag and digest as far as they are there. */
export function formatReference(ref: Reference): string {
  return `${ref.host}/${ref.repository}${ref.tag ? `:${ref.tag}` : ''}${ref.digest ? `@${ref.digest}` : ''}`
}

/** A reference as people write it: `alpine:3` for `docker.io/library/alpine:3`. */
export function familiarReference(ref: Reference): string {
  const full = formatReference(ref)
  if (ref.host !== DOCKER_HUB) return full
  const short = full.slice(DOCKER_HUB.length + 1)
  const name = ref.repository.slice('library/'.length)
  return ref.repository.startsWith('library/') && !name.includes('/') ? short.slice('library/'.length) : short
}

/** The part before the first slash is a host when it cannot be the first part of a name on Docker Hub. */
function splitHost(name: string): { host: string; repository: string } {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  const host = isHost ? (first === 'index.docker.io' ? DOCKER_HUB : first) : DOCKER_HUB
  const repository = isHost ? name.slice(slash + 1) : name
  return { host, repository: host === DOCKER_HUB && !repository.includes('/') ? `library/${repository}` : repository }
}

function checkHost(text: string, host: string): void {
  const port = /:(\d+)$/.exec(host)?.[1]
  if (!HOST.test(host) || Number(port ?? 0) > 65535) throw bad(text, `"${cut(host)}" is not a host name`)
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > 255) throw bad(text, 'the repository name is longer than 255 characters')
  if (/^library\/[0-9a-f]{64}$/.test(repository)) {
    throw bad(text, '64 hex digits are an image ID, not a name', 'For content by digest write NAME@sha256:DIGEST')
  }
  for (const component of repository.split('/')) {
    if (COMPONENT.test(component)) continue
    const upper = component !== component.toLowerCase()
    if (upper) throw bad(text, 'a repository name is lower case', `Write it like ${cut(text.toLowerCase())}`)
    if (component === '') throw bad(text, 'a part of the repository name is empty')
    throw bad(
      text,
      `"${cut(component)}" is not part of a repository name`,
      'Use a-z and 0-9, with ".", "_", "__" or "-" between them',
    )
  }
}

function bad(text: string, state: string, hint?: string): XbuildError {
  return new XbuildError('BAD_REFERENCE', `Cannot read image name "${cut(text)}": ${state}`, hint ? { hint } : {})
}

function cut(text: string): string {
  const plain = text.replace(/[\u0000-\u001f\u007f]/g, '?')
  return plain.length > 160 ? `${plain.slice(0, 160)}...` : plain
}
