import { join } from 'node:path'
import { downloadPackages } from '../../examples/base/debian.mjs'
import { imageOverBase } from './image-over-base.mjs'
import { toolchainBase } from './toolchain-base.mjs'

const VERSION = '1.24'
/** Variables of official images. */
const ENV = [
  `GOLANG_VERSION=${VERSION}`,
  'GOTOOLCHAIN=local',
  'GOPATH=/go',
  'PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
]

/**
 * Folder of the OCI layout of an image for linux/arm64 and linux/amd64 that has Go as official images do: in
 * /usr/local/go, in a layer of its own. It is Debian's. What is below it has a C compiler, and is there for arm64 only.
 */
export async function goImageBase() {
  const below = await toolchainBase('golang', ['arm64'])
  return imageOverBase('go-image', { below, maker: import.meta.url, env: ENV, contents: goOf })
}

async function goOf(architecture, work) {
  const names = [`golang-${VERSION}-go`, `golang-${VERSION}-src`]
  const debs = await downloadPackages(names, { architecture, folder: join(work, architecture) })
  return { debs: debs.filter((deb) => deb.includes('/golang-')), extra: [], keep }
}

/** Where Debian has Go -> where official images have it; links between Debian's two places are left out. */
function keep(path) {
  const [, kind, rest = ''] = /^usr\/(lib|share)\/go-[\d.]+(?:\/(.*))?$/.exec(path) ?? []
  if (kind === undefined || /^test(\/|$)/.test(rest)) return undefined
  if (kind === 'lib' && /^(api|lib|misc|src|test|pkg\/include)$/.test(rest)) return undefined
  return ['usr/local/go', rest].filter(Boolean).join('/')
}
