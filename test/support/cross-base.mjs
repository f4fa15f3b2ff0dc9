import { APT, debianBase } from './debian-base.mjs'

/**
 * Folder of the OCI layout of Debian 13 for one architecture with make, gcc and what `apt-get install
 * crossbuild-essential-<other>` would
 * bring: in it that command finds everything installed, without a network. Made at first use and kept. Architectures
 * are Debian's names.
 */
export async function crossBase(architecture, other) {
  return debianBase(`cross-${architecture}-${other}`, {
    architectures: [architecture],
    packages: [...APT, 'debian-archive-keyring', 'gcc', 'libc6-dev', 'make', `crossbuild-essential-${other}`],
    alternatives: { awk: 'mawk' },
  })
}
