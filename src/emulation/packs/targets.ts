/** What Debian calls an architecture, and its compilers' names for it. */
export interface PackTarget {
  readonly debian: string
  /** GOARCH. */
  readonly goarch: string
  /** As in the names of folders and programs. */
  readonly triple: string
}

/** GOARCH -> what an image of that architecture may hold. */
export const PACK_TARGETS: Readonly<Record<string, readonly PackTarget[]>> = {
  amd64: [{ debian: 'amd64', goarch: 'amd64', triple: 'x86_64-linux-gnu' }],
  arm64: [{ debian: 'arm64', goarch: 'arm64', triple: 'aarch64-linux-gnu' }],
  arm: [
    { debian: 'armhf', goarch: 'arm', triple: 'arm-linux-gnueabihf' },
    { debian: 'armel', goarch: 'arm', triple: 'arm-linux-gnueabi' },
  ],
  riscv64: [{ debian: 'riscv64', goarch: 'riscv64', triple: 'riscv64-linux-gnu' }],
  ppc64le: [{ debian: 'ppc64el', goarch: 'ppc64le', triple: 'powerpc64le-linux-gnu' }],
  s390x: [{ debian: 's390x', goarch: 's390x', triple: 's390x-linux-gnu' }],
}

/**
 * The Debian architecture whose programs this machine runs, and the folder of its libraries; nothing where there is
 * no handler for it.
 */
export function hostTarget(arch: string = process.arch): PackTarget | undefined {
  const name = { x64: 'amd64', arm64: 'arm64' }[arch]
  return name === undefined ? undefined : PACK_TARGETS[name]![0]
}
