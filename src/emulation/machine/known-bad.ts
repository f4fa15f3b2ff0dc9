import { versionAtLeast } from './version.ts'

/** What is known of an emulator and the machine it runs on. */
export interface EmulatorFacts {
  /** GOARCH of the programs it runs. */
  readonly architecture: string
  /** Of QEMU, like `7.2.22`; undefined when it does not say. */
  readonly version: string | undefined
  /** Linked to one address in memory (not position-independent). */
  readonly fixedAddress: boolean
  /** As `uname -r` prints it. */
  readonly kernel: string
  /** GOARCH of the machine. */
  readonly host: string
}

/** A combination that is known to fail. */
export interface KnownProblem {
  readonly what: string
  readonly remedy: string
  /** Where it was reported. */
  readonly source: string
}

interface Row extends KnownProblem {
  readonly applies: (facts: EmulatorFacts) => boolean
}

const NEWER = 'Install a newer QEMU'

/** Only what public reports show, no more than they show. */
const TABLE: readonly Row[] = [
  {
    // ldconfig of glibc 2.31 and later crashes while packages are installed; Ubuntu's bug 1928075 says the same, 5.0
    // does not crash
    applies: ({ architecture, version }) => architecture === 'arm64' && before(version, '5.0'),
    what: 'QEMU before 5.0 crashes in ldconfig of arm64 images of Debian 11 and later',
    remedy: NEWER,
    source: 'github.com/moby/moby/issues/43039',
  },
  {
    // The search for room in memory was written anew in 5.1; Debian's bug 988174 says that 6.0 does not crash
    applies: ({ architecture, version }) => architecture === 'arm64' && between(version, '5.1', '6.0'),
    what: 'QEMU 5.1 and 5.2 crash now and then when an arm64 program starts',
    remedy: NEWER,
    source: 'github.com/docker/buildx/issues/542',
  },
  {
    // clone3 was answered with an error that glibc does not expect
    applies: ({ architecture, version }) => architecture === 'arm64' && between(version, '6.1.0', '6.1.1'),
    what: 'QEMU 6.1.0 cannot start threads of some arm64 programs, Java among them',
    remedy: NEWER,
    source: 'github.com/tonistiigi/binfmt/issues/72',
  },
  {
    // It knows pidfd_open, so that Go believes in pidfds, and clone refuses to make one (CLONE_PIDFD)
    applies: ({ version }) => between(version, '7.2', '8.0'),
    what: 'QEMU 7.2 fails when a program built with the first releases of Go 1.23 starts another one ("fork/exec ...: invalid argument")',
    remedy: 'Build with Go 1.23.2 or later, or install QEMU 8.0 or later',
    source: 'github.com/golang/go/issues/69259',
  },
  {
    // Packages of Debian 11 and Ubuntu 22.04 images; 9.2.2 was to mend it and still failed in the tests of binfmt's
    // own pull request 244
    applies: ({ architecture, version }) => architecture === 'arm64' && between(version, '9.2.0', '9.2.3'),
    what: 'QEMU 9.2.0 to 9.2.2 crash in ldconfig of arm64 images of Debian 11 and Ubuntu 22.04',
    remedy: 'Install another QEMU',
    source: 'github.com/tonistiigi/binfmt/issues/245',
  },
  {
    // Debian's bug 1087822: newer kernels scatter the heap further, and it meets what lies at QEMU's own fixed place
    applies: ({ fixedAddress, kernel, host }) => fixedAddress && host === 'amd64' && scattersHeapFar(kernel),
    what: 'a QEMU that is linked to a fixed address crashes at random on this kernel',
    remedy: 'Install a QEMU that is linked as static-pie, such as that of Debian 12.9 and later',
    source: 'github.com/tonistiigi/binfmt/issues/215',
  },
]

/** Everything that is known to go wrong with an emulator on a machine. */
export function knownProblems(facts: EmulatorFacts): KnownProblem[] {
  return TABLE.filter(({ applies }) => applies(facts)).map(({ what, remedy, source }) => ({ what, remedy, source }))
}

/** Linux 6.9 and what took that change over: 6.1.112, Ubuntu's 6.8.0-50. */
function scattersHeapFar(kernel: string): boolean {
  if (versionAtLeast(kernel, '6.9')) return true
  if (/^6\.1\.\d/.test(kernel)) return versionAtLeast(kernel, '6.1.112')
  return /^6\.8\.0-\d+-/.test(kernel) && versionAtLeast(kernel, '6.8.0.50')
}

function before(version: string | undefined, end: string): boolean {
  return version !== undefined && !versionAtLeast(version, end)
}

function between(version: string | undefined, start: string, end: string): boolean {
  return version !== undefined && versionAtLeast(version, start) && before(version, end)
}
