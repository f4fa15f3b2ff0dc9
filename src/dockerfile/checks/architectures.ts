/** Words by which file names and tool chains call an architecture. */
const WORDS: readonly (readonly [word: string, architecture: string])[] = [
  ['x86_64|x86-64|amd64|x64|linux64|linux-64bit', 'amd64'],
  ['aarch64|arm64v8|arm64|armv8', 'arm64'],
  ['armhf|armv7l|armv7hf|armv7|armv6l|armv6hf|armv6|arm32v7|arm|gnueabihf|armel', 'arm'],
  ['i386|i686|x86|ia32|386', '386'],
  ['ppc64le|ppc64el|powerpc64le', 'ppc64le'],
  ['s390x', 's390x'],
  ['riscv64|riscv64gc', 'riscv64'],
  ['loong64|loongarch64', 'loong64'],
]

const PATTERNS = WORDS.map(([words, architecture]) => ({
  architecture,
  pattern: new RegExp(`(?<![a-z0-9])(?:${words})(?![a-z0-9])`, 'i'),
}))

/** The architectures that a text names, each once. */
export function architecturesIn(text: string): string[] {
  // The longest names first: "x86_64" is not "x86".
  const plain = text.replace(/x86[_-]64/gi, 'amd64')
  return PATTERNS.filter(({ pattern }) => pattern.test(plain)).map(({ architecture }) => architecture)
}

/** Whether a program for one architecture runs on another without emulation, or may be meant to. */
export function runsOn(program: string, machine: string): boolean {
  return program === machine || (program === '386' && machine === 'amd64') || (program === 'arm' && machine === 'arm64')
}
