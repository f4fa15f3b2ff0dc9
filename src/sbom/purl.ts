import type { Package, Release } from './types.ts'

/** What an image is taken for that does not say it. */
const DISTRIBUTIONS = { deb: 'debian', apk: 'alpine', rpm: '' } as const

/** The package URL of a package (package-url-spec), like `pkg:deb/debian/libc6@2.41-12?arch=arm64&distro=debian-13`. */
export function packagePurl(one: Package, release: Release | undefined): string {
  const { ecosystem, architecture, source } = one
  const [, epoch, version = one.version] = (ecosystem === 'rpm' && /^(\d+):(.*)$/.exec(one.version)) || []
  const name = one.name.split('/').map(encode).join('/')
  const isDistribution = ecosystem in DISTRIBUTIONS
  const distribution = isDistribution ? (release?.id ?? DISTRIBUTIONS[ecosystem as 'deb']) : ''
  const namespace = distribution === '' ? '' : `${encode(distribution)}/`
  // Sorted by name
  const qualifiers = isDistribution
    ? [
        architecture && `arch=${encode(architecture)}`,
        release && `distro=${encode(release.version ? `${release.id}-${release.version}` : release.id)}`,
        epoch && `epoch=${epoch}`,
        source && `upstream=${encode(source.replace(' ', '@'))}`,
      ].filter(Boolean)
    : []
  const query = qualifiers.length > 0 ? `?${qualifiers.join('&')}` : ''
  return `pkg:${ecosystem}/${namespace}${name}@${encode(version)}${query}`
}

/** All but letters, digits, `.`, `-`, `_`, `~` and `:`, which need not be. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%3A', ':')
    .replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
