/*
 * What Docker's default profile forbids to a container with Docker's default capabilities, turned around: everything is allowed but this.
 * A call that an older kernel may not have answers ENOSYS where programs then take the older call, EPERM elsewhere. The emulator of a
 * foreign program makes the calls of this machine, so the profile is always that of the machine.
 */

const EPERM = 1
const ENOSYS = 38

/** Mounts, namespaces, other processes' memory, kernel modules and keys, the clock, the machine itself; and calls that are mostly holes. */
const FORBIDDEN = [
  // mounts and namespaces
  'mount', 'umount', 'umount2', 'pivot_root', 'mount_setattr', 'move_mount', 'open_tree', 'open_tree_attr', 'fsopen', 'fsconfig', 'fsmount', 'fspick',
  'setns', 'unshare', 'sethostname', 'setdomainname', 'listmount', 'statmount',
  // the kernel's keyring: it is not divided by namespaces
  'add_key', 'request_key', 'keyctl',
  // the kernel itself
  'init_module', 'finit_module', 'delete_module', 'create_module', 'query_module', 'get_kernel_syms', 'kexec_load', 'kexec_file_load', 'reboot',
  'bpf', 'perf_event_open', 'syslog', 'acct', 'lookup_dcookie', 'fanotify_init', 'quotactl', 'quotactl_fd', 'swapon', 'swapoff', 'vhangup', 'nfsservctl',
  'iopl', 'ioperm', 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'userfaultfd',
  // the clock
  'settimeofday', 'stime', 'clock_settime', 'clock_settime64',
  // other processes and their memory
  'kcmp', 'pidfd_getfd', 'process_madvise', 'move_pages', 'migrate_pages', 'mbind', 'get_mempolicy', 'set_mempolicy', 'set_mempolicy_home_node',
  // files by handle, around every path
  'open_by_handle_at',
  // never meant for programs of today
  'uselib', 'ustat', 'sysfs', '_sysctl', 'bdflush', 'vm86', 'vm86old', 'afs_syscall', 'tuxcall', 'vserver', 'security', 'getpmsg', 'putpmsg',
]

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a process in a namespace of its own could mount again. */
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

/** AF_VSOCK reaches the host of a virtual machine. */
const VSOCK = 40

/** The seccomp section of an OCI runtime configuration, for a machine with that `process.arch`; nothing for one we have no names for. */
export function seccompProfile(arch: string): unknown {
  const architectures = ARCHITECTURES[arch]
  if (!architectures) return undefined
  // On s390x the flags are the second argument of clone
  const flags = arch === 's390x' ? 1 : 0
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures,
    syscalls: [
      { names: FORBIDDEN, action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      // Its flags lie in memory, where no filter sees them; programs take clone instead
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      ...CLONE_FLAGS.map((flag) => ({
        names: ['clone'], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM, args: [{ index: flags, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }],
      })),
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM, args: [{ index: 0, value: VSOCK, op: 'SCMP_CMP_EQ' }] },
    ],
  }
}
