import { ALLOWED, ALLOWED_BY_MACHINE, REFUSED } from './seccomp-calls.ts'

/*
 * What is not on the list is refused, as Docker's default profile has it. The emulator of a foreign program makes the
 * calls of this
 * machine, so the profile is always that of the machine.
 */

const EPERM = 1
const ENOSYS = 38

/**
 * CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a process in a namespace of its own could mount
 * again.
 */
const CLONE_FLAGS = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]

/** Machine by machine, the instruction sets whose programs it runs: a call of any other ends the program. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  arm: ['SCMP_ARCH_ARM'],
  ppc64: ['SCMP_ARCH_PPC64LE'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
}

/** AF_ALG reaches deep into the kernel, AF_VSOCK the host of a virtual machine. */
const [ALG, VSOCK] = [38, 40]

/** PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is. */
const PERSONALITIES = [0, 0x0008, 0x20000, 0x20008, 0xffffffff]
/** ADDR_NO_RANDOMIZE, as debuggers and `setarch -R` ask for it. */
const NO_RANDOMIZE = 0x40000

type Comparison = 'EQ' | 'LT' | 'GT' | 'MASKED_EQ'

/**
 * The seccomp section of an OCI runtime configuration, for a machine with that `process.arch`; nothing for one we
 * have no names for.
 */
export function seccompProfile(arch: string): unknown {
  const architectures = ARCHITECTURES[arch]
  if (!architectures) return undefined
  // On s390x the flags are the second argument of clone
  const flags = arch === 's390x' ? 1 : 0
  return {
    // A program that meets a call it does not know takes an older one; at EPERM it would give up
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    architectures,
    syscalls: [
      allow([...ALLOWED, ...(ALLOWED_BY_MACHINE[arch] ?? [])]),
      refuse(REFUSED),
      // Without flags that make namespaces
      allow(['clone'], {
        index: flags,
        op: 'MASKED_EQ',
        value: CLONE_FLAGS.reduce((all, flag) => all + flag),
        valueTwo: 0,
      }),
      ...CLONE_FLAGS.map((flag) => refuse(['clone'], { index: flags, op: 'MASKED_EQ', value: flag, valueTwo: flag })),
      // Its flags lie in memory, where no filter sees them; programs take clone instead
      refuse(['clone3'], undefined, ENOSYS),
      allow(['socket'], { index: 0, op: 'LT', value: ALG }),
      allow(['socket'], { index: 0, op: 'EQ', value: ALG + 1 }),
      allow(['socket'], { index: 0, op: 'GT', value: VSOCK }),
      ...[ALG, VSOCK].map((family) => refuse(['socket'], { index: 0, op: 'EQ', value: family })),
      ...PERSONALITIES.map((value) => allow(['personality'], { index: 0, op: 'EQ', value })),
      refuse(['personality'], { index: 0, op: 'EQ', value: NO_RANDOMIZE }),
    ],
  }
}

interface Argument {
  readonly index: number
  readonly op: Comparison
  readonly value: number
  readonly valueTwo?: number
}

function allow(names: readonly string[], argument?: Argument): unknown {
  return { names, action: 'SCMP_ACT_ALLOW', ...argsOf(argument) }
}

function refuse(names: readonly string[], argument?: Argument, errnoRet = EPERM): unknown {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, ...argsOf(argument) }
}

function argsOf(argument?: Argument): { args?: readonly unknown[] } {
  return argument ? { args: [{ ...argument, op: `SCMP_CMP_${argument.op}` }] } : {}
}
