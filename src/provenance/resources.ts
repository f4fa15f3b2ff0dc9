import { distinctBy } from '../distinct.ts'
import { withoutLogins } from '../dockerfile/show-url.ts'
import type { Remote } from '../dockerfile/remote.ts'
import { parseReference } from '../oci/reference.ts'
import type { BuildRecord, Resource, UsedImage } from './facts.ts'
import { imagePurl, layoutPurl } from './purl.ts'

/**
 * Everything that a build read from elsewhere, each once, images first. `plain`: URLs lose their queries, which may
 * hold signatures.
 */
export function resourcesOf(
  { images, remotes }: Pick<BuildRecord, 'images' | 'remotes'>,
  { plain }: { readonly plain: boolean },
): Resource[] {
  const all = [
    ...images.map(imageResource),
    ...remotes.map(({ remote, digest }) => remoteResource(remote, digest, plain)),
  ]
  const text = (resource: Resource) => JSON.stringify(resource)
  return distinctBy(all, text)
    .sort((a, b) => (text(a) < text(b) ? -1 : 1))
    .sort((a, b) => Number(isImage(b)) - Number(isImage(a)))
}

function isImage({ uri }: Resource): boolean {
  return uri.startsWith('pkg:')
}

function imageResource({ name, isLayout, platform, digest }: UsedImage): Resource {
  const known = digest ?? (isLayout ? undefined : parseReference(name).digest)
  return {
    uri: isLayout ? layoutPurl(name, platform, digest) : imagePurl(name, platform),
    ...(known === undefined ? {} : { digest: digestSet(known) }),
  }
}

/** A repository or a file behind a URL; `digest` is empty where it is not known. */
export function remoteResource(remote: Remote, digest: string, plain: boolean): Resource {
  const own = digest || remote.checksum || ''
  return { uri: remoteUri(remote, plain), ...(isWhole(own) ? { digest: digestSet(own) } : {}) }
}

/** Without logins. Of a repository with what was asked for of it, as BuildKit writes it. */
function remoteUri(remote: Remote, plain: boolean): string {
  const url = withoutLogins(plain ? remote.url.replace(/[?#].*$/s, '') : remote.url)
  if (remote.kind === 'http') return url
  const { ref, subdir } = remote
  return `${url}${ref || subdir ? '#' : ''}${ref ?? ''}${subdir === undefined ? '' : `:${subdir}`}`
}

function isWhole(digest: string): boolean {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(digest)
}

/** A digest, or the id of a commit, by its algorithm. */
function digestSet(digest: string): Record<string, string> {
  const [algorithm = '', hex] = digest.split(':')
  if (hex !== undefined) return { [algorithm]: hex }
  return { [digest.length === 64 ? 'sha256' : 'sha1']: digest }
}
