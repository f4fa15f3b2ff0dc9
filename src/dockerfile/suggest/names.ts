import { formatPlatform, type Platform } from '../../platform.ts'

/** What tool chains call a platform. */
interface Names {
  readonly debian: string
  /** What the names of Debian's cross tools begin with. */
  readonly gnu: string
  readonly rust: string
  readonly zig: string
}

const NAMES: Readonly<Record<string, Names>> = {
  'linux/amd64': { debian: 'amd64', gnu: 'x86_64-linux-gnu', rust: 'x86_64-unknown-linux-gnu', zig: 'x86_64-linux' },
  'linux/arm64': { debian: 'arm64', gnu: 'aarch64-linux-gnu', rust: 'aarch64-unknown-linux-gnu', zig: 'aarch64-linux' },
  'linux/arm/v7': {
    debian: 'armhf',
    gnu: 'arm-linux-gnueabihf',
    rust: 'armv7-unknown-linux-gnueabihf',
    zig: 'arm-linux',
  },
  'linux/386': { debian: 'i386', gnu: 'i686-linux-gnu', rust: 'i686-unknown-linux-gnu', zig: 'x86-linux' },
  'linux/riscv64': {
    debian: 'riscv64',
    gnu: 'riscv64-linux-gnu',
    rust: 'riscv64gc-unknown-linux-gnu',
    zig: 'riscv64-linux',
  },
  'linux/ppc64le': {
    debian: 'ppc64el',
    gnu: 'powerpc64le-linux-gnu',
    rust: 'powerpc64le-unknown-linux-gnu',
    zig: 'powerpc64le-linux',
  },
  'linux/s390x': { debian: 's390x', gnu: 's390x-linux-gnu', rust: 's390x-unknown-linux-gnu', zig: 's390x-linux' },
}

/** A word of the shell that stands for the target platform, and the ARGs it needs. */
export interface Chosen {
  readonly text: string
  readonly args: readonly string[]
}

/** What tool chains call these platforms, or which of them has no name there. */
export function namesOf(
  platforms: readonly Platform[],
): readonly { readonly platform: Platform; readonly names: Names }[] | string {
  const found = platforms.map((platform) => ({ platform, names: NAMES[formatPlatform(platform)] }))
  const unknown = found.find(({ names }) => !names)
  return unknown ? formatPlatform(unknown.platform) : found.map(({ platform, names }) => ({ platform, names: names! }))
}

/**
 * `$TARGETARCH` where that is the name, else a `case` that puts out the name; platforms that are not among them get
 * none.
 */
export function choose(named: readonly { readonly platform: Platform; readonly name: string }[]): Chosen {
  if (named.every(({ platform, name }) => platform.architecture === name))
    return { text: '$TARGETARCH', args: ['TARGETARCH'] }
  const hasVariants = named.some(({ platform }) => platform.variant !== undefined)
  const cases = named.map(
    ({ platform: { architecture, variant = '' }, name }) =>
      `${architecture}${hasVariants ? variant : ''}) echo ${name} ;;`,
  )
  const subject = hasVariants ? '$TARGETARCH$TARGETVARIANT' : '$TARGETARCH'
  return {
    text: `$(case ${subject} in ${cases.join(' ')} esac)`,
    args: hasVariants ? ['TARGETARCH', 'TARGETVARIANT'] : ['TARGETARCH'],
  }
}
