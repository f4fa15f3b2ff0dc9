import { APT, debianBase } from './debian-base.mjs'

/**
 * Folder of the OCI layout of Debian 13 for arm64 with apt, Python, CMake, compressors, and an archive of a few packages in
 * /repo. Made at first use and kept.
 */
export async function toolsBase() {
  return debianBase('tools-arm64', {
    architectures: ['arm64'],
    packages: [...APT, 'xz-utils', 'm4', 'bzip2', 'zstd', 'attr', 'python3-minimal', 'cmake', 'ninja-build'],
    alternatives: { awk: 'mawk' },
    users: 'builder:x:1234:1234::/home:/bin/sh\n',
    groups: 'builders:x:1234:\n',
    archive: ['debconf', 'libjansson4', 'make', 'patch'],
  })
}
