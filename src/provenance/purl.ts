import { familiarReference, parseReference } from '../oci/reference.ts'

/**
 * The package URL of an image, as BuildKit writes it: `pkg:docker/debian@13?platform=linux%2Farm64`
 * (package-url-spec).
 */
export function imagePurl(name: string, platform: string): string {
  const { tag, digest, ...rest } = parseReference(name)
  const path = familiarReference(rest).split('/').map(encodeURIComponent).join('/')
  return `pkg:docker/${path}${tag === undefined ? '' : `@${tag}`}?${digest === undefined ? '' : `digest=${digest}&`}platform=${encodeURIComponent(platform)}`
}

/** The package URL of an image out of an OCI layout, known by the name of its build context. */
export function layoutPurl(name: string, platform: string, digest?: string): string {
  return `pkg:oci/${name.split('/').map(encodeURIComponent).join('/')}?${digest === undefined ? '' : `digest=${digest}&`}platform=${encodeURIComponent(platform)}`
}
