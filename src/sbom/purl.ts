import type { Package, Release } from './types.ts'

/** The package URL of a package (package-url-spec), like `pkg:deb/debian/libc6@2.41-12?arch=arm64&distro=debian-13`. */
export function packagePurl(one: Package, release: Release | undefined): string {
  const { ecosystem, version, architecture, source } = one
  const name = one.name.split('/').map(encode).join('/')
  const isDistribution = ecosystem === 'deb' || ecosystem === 'apk'
  const namespace = isDistribution ? `${encode(release?.id ?? (ecosystem === 'deb' ? 'debian' : 'alpine'))}/` : ''
  const qualifiers = isDistribution
    ? [
        architecture && `arch=${encode(architecture)}`,
        release && `distro=${encode(release.version ? `${release.id}-${release.version}` : release.id)}`,
        source && `upstream=${encode(source.replace(' ', '@'))}`,
      ].filter(Boolean)
    : []
  const query = qualifiers.length > 0 ? `?${qualifiers.join('&')}` : ''
  return `pkg:${ecosystem}/${namespace}${name}@${encode(version)}${query}`
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}
