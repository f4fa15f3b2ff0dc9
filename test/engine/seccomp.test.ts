import { describe, expect, test } from 'vitest'
import { seccompProfile } from '../../src/engine/worker/seccomp.ts'

interface Rule {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly {
    readonly index: number
    readonly value: number
    readonly valueTwo?: number
    readonly op: string
  }[]
}
interface Profile {
  readonly defaultAction: string
  readonly defaultErrnoRet: number
  readonly architectures: readonly string[]
  readonly syscalls: readonly Rule[]
}

const EPERM = 1
const ENOSYS = 38
const MACHINES = ['x64', 'arm64', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64']
const profileOf = (arch: string) => seccompProfile(arch) as Profile

/** What a call comes to on a machine, as the kernel's filter decides: 0 lets it pass, else the error. */
function outcome(name: string, args: readonly number[] = [], arch = 'x64'): number {
  const { syscalls, defaultErrnoRet } = profileOf(arch)
  const fitting = syscalls.filter(
    (rule) => rule.names.includes(name) && (rule.args ?? []).every((wanted) => fits(wanted, args[wanted.index] ?? 0)),
  )
  const results = new Set(fitting.map(({ action, errnoRet }) => (action === 'SCMP_ACT_ALLOW' ? 0 : errnoRet!)))
  // libseccomp gives no order to rules of one call
  expect(results.size, `${name} ${args.join(' ')}`).toBeLessThanOrEqual(1)
  return [...results][0] ?? defaultErrnoRet
}

function fits({ value, valueTwo, op }: NonNullable<Rule['args']>[number], given: number): boolean {
  switch (op) {
    case 'SCMP_CMP_EQ':
      return given === value
    case 'SCMP_CMP_LT':
      return given < value
    case 'SCMP_CMP_GT':
      return given > value
    case 'SCMP_CMP_MASKED_EQ':
      return (BigInt(given) & BigInt(value)) === BigInt(valueTwo!)
    default:
      throw new Error(op)
  }
}

test.each(MACHINES)('%s: what no rule allows is refused, each call has one rule unless arguments decide', (arch) => {
  const { defaultAction, defaultErrnoRet, syscalls } = profileOf(arch)
  expect({ defaultAction, defaultErrnoRet }).toEqual({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: ENOSYS })
  const plain = syscalls.filter(({ args }) => !args).flatMap(({ names }) => names)
  expect(plain.filter((name, index) => plain.indexOf(name) !== index)).toEqual([])
  const byArguments = syscalls.filter(({ args }) => args).flatMap(({ names }) => names)
  expect(byArguments.filter((name) => plain.includes(name))).toEqual([])
  expect(syscalls.flatMap(({ names }) => names).filter((name) => !/^[a-z_][a-z0-9_]*$/.test(name))).toEqual([])
})

test.each([
  'read',
  'openat',
  'execve',
  'futex',
  'mmap',
  'chroot',
  'ptrace',
  'clone',
  'fchmodat2',
  'rseq',
  'statx',
  'getrandom',
  'setuid32',
  'memfd_create',
  'landlock_restrict_self',
])('%s passes on every machine', (name) => {
  expect(MACHINES.map((arch) => outcome(name, [], arch))).toEqual(MACHINES.map(() => 0))
})

test.each([
  'mount',
  'umount2',
  'unshare',
  'setns',
  'keyctl',
  'add_key',
  'bpf',
  'perf_event_open',
  'init_module',
  'reboot',
  'io_uring_setup',
  'open_by_handle_at',
  'settimeofday',
  'userfaultfd',
])('%s is not permitted on any machine', (name) => {
  expect(MACHINES.map((arch) => outcome(name, [], arch))).toEqual(MACHINES.map(() => EPERM))
})

test.each(['clone3', 'a_call_of_tomorrow'])('%s is not there: programs take an older call', (name) => {
  expect(outcome(name)).toBe(ENOSYS)
})

describe('arguments decide', () => {
  const SIGCHLD = 17
  const THREAD = 0x3d0f00
  test.each([
    ['a process', SIGCHLD, 0],
    ['a thread', THREAD, 0],
    ['vfork', 0x4000 | 0x100 | SIGCHLD, 0],
    ['mounts', 0x20000, EPERM],
    ['mounts and users', 0x10020000 | SIGCHLD, EPERM],
    ['a network', 0x40000000, EPERM],
  ])('clone of %s', (_, flags, result) => {
    expect(outcome('clone', [flags])).toBe(result)
    expect(outcome('clone', [0xffff, flags], 's390x')).toBe(result)
  })

  test.each([
    ['unix', 1, 0],
    ['internet', 2, 0],
    ['netlink', 16, 0],
    ["the kernel's ciphers", 38, EPERM],
    ['nfc', 39, 0],
    ['the host of a virtual machine', 40, EPERM],
    ['xdp', 44, 0],
  ])('socket of %s', (_, family, result) => {
    expect(outcome('socket', [family])).toBe(result)
  })

  test.each([
    [0, 0],
    [8, 0],
    [0x20008, 0],
    [0xffffffff, 0],
    [0x40000, EPERM],
    [0x400000, ENOSYS],
  ])('personality %i', (value, result) => {
    expect(outcome('personality', [value])).toBe(result)
  })
})

test('a machine has its own calls, and runs programs of its smaller brothers', () => {
  expect(['x64', 'arm64', 'riscv64'].map((arch) => outcome('arch_prctl', [], arch))).toEqual([0, ENOSYS, ENOSYS])
  expect(['x64', 'arm64', 'arm'].map((arch) => outcome('cacheflush', [], arch))).toEqual([ENOSYS, 0, 0])
  expect(profileOf('x64').architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
  expect(profileOf('arm64').architectures).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
})

test('no profile for a machine whose calls we do not know', () => {
  expect(seccompProfile('mips')).toBeUndefined()
})
