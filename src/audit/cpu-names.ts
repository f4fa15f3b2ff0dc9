/** What CPUs are called in names of folders and files, by GOARCH; the first one that fits counts. */
const NAMES: readonly (readonly [architecture: string, words: string])[] = [
  ['amd64', 'amd64|x86[-_]64|x64'],
  ['386', 'i[3-6]86|ia32|x86(?:[-_]32)?|386'],
  ['arm64', 'arm64|aarch_?64'],
  ['arm', 'arm(?:32|hf|el|eb|eabi[a-z0-9]*|v[5-8][a-z]*)?|v[5-8]l'],
  ['riscv64', 'riscv64[a-z]*'],
  ['ppc64le', 'ppc64(?:le|el)|ppcle_64|powerpc64le'],
  ['ppc64', 'ppc64|ppc_64|powerpc64'],
  ['ppc', 'ppc|powerpc'],
  ['s390x', 's390x|s390_64'],
  ['loong64', 'loong(?:arch)?_?64'],
  ['mips64le', 'mips(?:isa)?64(?:r\\d)?(?:el|le)'],
  ['mips64', 'mips(?:isa)?64(?:r\\d)?'],
  ['mipsle', 'mips(?:el|le)'],
  ['mips', 'mips'],
  ['sparc64', 'sparc(?:64|v9)'],
  ['sparc', 'sparc'],
]
const ALL = NAMES.map(([, words]) => `(${words})`).join('|')
/** The first name of a CPU in the name of a folder or file, as a word of its own. */
const WORD = new RegExp(`(?<=^|[-_.])(?:${ALL})(?=[-_.]|$)`)
/** `aarch64-linux-gnu`, `arm-none-linux-gnueabihf`, `x86_64-linux-android`: what toolchains call their targets. */
const TRIPLET = /^([a-z0-9_]+)-(?:[a-z0-9]+-)?linux-(?:gnu|musl|uclibc|android)[a-z0-9_]*$/

/** Words beside that of the CPU that tell what a folder is for. */
const SYSTEM =
  /(?<=^|[-_.])(?:linux|linuxmusl|android|freebsd|openbsd|netbsd|sunos|solaris|darwin|macos|win32|windows|alpine|glibc|gnu\w*|musl\w*|unknown|pc)(?=[-_.]|$)/g

/** An open name without its system, too: `swc-linux-*-gnu` and `swc-freebsd-*` are `swc-*`. */
export function withoutSystem(open: string): string {
  return open.replace(SYSTEM, '*').replace(/\*(?:[-_.]\*)+/g, '*')
}

/** The CPU that the name of a folder or file says, as GOARCH, and the name with `*` in its place. */
export function cpuInName(name: string): { readonly architecture: string; readonly open: string } | undefined {
  const found = WORD.exec(name)
  if (!found) return undefined
  const index = found.slice(1).findIndex((group) => group !== undefined)
  return {
    architecture: NAMES[index]![0],
    open: `${name.slice(0, found.index)}*${name.slice(found.index + found[0].length)}`,
  }
}

/** The CPU of the target whose toolchain has a folder of that name, as GOARCH where it has one. */
export function cpuOfTriplet(folder: string): string | undefined {
  const cpu = TRIPLET.exec(folder)?.[1]
  if (cpu === undefined) return undefined
  if (folder.endsWith('x32')) return 'x32'
  return (/^arm(?!64)/.test(cpu) ? 'arm' : cpuInName(cpu)?.architecture) ?? cpu
}
