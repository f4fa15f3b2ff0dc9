import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { parseReference, type Reference } from './reference.ts'

/** Where an image is, as `xbuild image` is told. */
export type ImageName =
  | { readonly kind: 'registry'; readonly ref: Reference }
  /** An OCI layout: a folder, or a tar archive of one; `name` is the tag or digest in it. */
  | { readonly kind: 'oci' | 'oci-archive'; readonly path: string; readonly name?: string }
  /** An image of the Docker Engine. */
  | { readonly kind: 'docker-daemon'; readonly name: string }

const LAYOUT = /^(oci|oci-archive|oci-layout):(?:\/\/(?=\S))?(.*)$/s

/**
 * Reads `REF`, `oci:FOLDER[:NAME]`, `oci-archive:FILE[:NAME]` or `docker-daemon:NAME`, with skopeo's `docker://REF` and
 * buildx's `oci-layout://`. Throws BAD_REFERENCE.
 */
export function parseImageName(text: string): ImageName {
  const [, kind, rest = ''] = LAYOUT.exec(text) ?? []
  if (kind !== undefined) {
    const [, path = '', digest, tag] = /^(.+?)(?:@(sha(?:256|512):[0-9a-f]+)|:([\w][\w.-]{0,127}))?$/s.exec(rest) ?? []
    if (path === '' || path.includes('\0'))
      throw new XbuildError(
        'BAD_REFERENCE',
        `Cannot read image name "${shown(text)}": it names no ${kind === 'oci-archive' ? 'file' : 'folder'}`,
        {
          hint:
            kind === 'oci-archive'
              ? 'Write it like oci-archive:image.tar'
              : 'Write it like oci:FOLDER or oci:FOLDER:TAG',
        },
      )
    const name = digest ?? tag
    return { kind: kind === 'oci-archive' ? kind : 'oci', path, ...compact({ name }) }
  }
  const daemon = /^docker-daemon:(.*)$/s.exec(text)?.[1]
  if (daemon !== undefined) {
    // An image id is no reference, and the engine knows it
    if (!/^(?:sha256:)?[0-9a-f]{64}$/.test(daemon)) parseReference(daemon)
    return { kind: 'docker-daemon', name: daemon }
  }
  const other = /^(docker-archive|containers-storage|dir|ostree|tarball|sif|atomic):/.exec(text)?.[1]
  if (other !== undefined)
    throw new XbuildError('BAD_REFERENCE', `Cannot use "${shown(text)}": xbuild has no images of "${other}"`, {
      hint: `Use oci:FOLDER or oci-archive:FILE; skopeo turns others into them. The image "${other}" of Docker Hub is docker.io/library/${text}`,
    })
  return { kind: 'registry', ref: parseReference(text.replace(/^docker:\/\//, '')) }
}

function shown(text: string): string {
  return text.slice(0, 160).replace(/[\u0000-\u001f\u007f]/g, '?')
}
