import { APT, debianBase } from './debian-base.mjs'

/** Base images of Debian 13 for tests and measurements. */
const BASES = {
  /** C and C++. */
  toolchain: ['gawk', 'g++', 'libc6-dev', 'make', 'file'],
  /** C with CMake and Ninja. */
  cmake: ['gawk', 'gcc', 'libc6-dev', 'make', 'cmake', 'ninja-build'],
  /** C and C++ with Meson. */
  meson: ['gawk', 'gcc', 'g++', 'libc6-dev', 'meson', 'ninja-build', 'pkgconf'],
  /** Go, as Debian has it. */
  golang: ['gawk', 'golang-go', 'gcc', 'libc6-dev', 'ca-certificates'],
  /** No compiler, but apt. */
  apt: ['gawk', ...APT, 'hostname', 'login', 'util-linux', 'debian-archive-keyring'],
}

/**
 * Folder of the OCI layout of a base image, made at first use and kept with those of the examples. `architectures`
 * are Debian's names.
 */
export async function toolchainBase(name, architectures = ['amd64', 'arm64']) {
  return debianBase(`${name}-${architectures.join('-')}`, {
    architectures,
    packages: BASES[name],
    alternatives: { awk: name === 'apt' ? 'mawk' : 'gawk', cc: 'gcc', 'c++': 'g++' },
  })
}
