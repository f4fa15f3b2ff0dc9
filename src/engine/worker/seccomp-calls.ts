/*
 * The system calls that a RUN may make: those that Docker's default profile leaves to a container with Docker's
 * default capabilities.
 * Names of all architectures together; a machine knows some of them.
 */

const FILES = `
  access chdir chmod chown chown32 chroot close close_range creat dup dup2 dup3 faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2
  fchown fchown32 fchownat fcntl fcntl64 flock fstat fstat64 fstatat64 fstatfs fstatfs64 ftruncate ftruncate64 futimesat getcwd getdents getdents64
  ioctl lchown lchown32 link linkat lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat
  rename renameat renameat2 rmdir stat stat64 statfs statfs64 statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime utimensat
  utimensat_time64 utimes listmount statmount`

const ATTRIBUTES = `
  fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr lremovexattr lsetxattr removexattr
  removexattrat setxattr setxattrat`

const READING_AND_WRITING = `
  _llseek copy_file_range fadvise64 fadvise64_64 fdatasync fsync io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup
  io_submit lseek pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range
  syncfs tee vmsplice write writev`

const WAITING = `
  _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark
  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4
  timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`

const MEMORY = `
  brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock
  munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`

// `clone` is not among them: which flags it has decides
const PROCESSES = `
  capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getpgid getpgrp getpid getppid getsid gettid kill pidfd_open
  pidfd_send_signal prctl process_mrelease process_vm_readv process_vm_writev ptrace restart_syscall rseq set_robust_list set_thread_area
  set_tid_address setpgid setsid tgkill tkill uretprobe vfork wait4 waitid waitpid`

const SIGNALS = `
  pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
  rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn`

const USERS = `
  getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid
  setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
  setreuid32 setuid setuid32`

// Setting the clock needs a capability beside, which no step has
const TIME = `
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64
  getitimer gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
  timer_settime64 times`

const SCHEDULING = `
  getcpu getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
  sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
  sched_setscheduler sched_yield setpriority setrlimit ugetrlimit`

const BETWEEN_PROCESSES = `
  futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
  mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`

// `socket` is not among them: which family it is of decides
const NETWORK = `
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto
  setsockopt shutdown socketcall socketpair`

const MACHINE = `cachestat getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self riscv_hwprobe seccomp sysinfo uname`

/** The calls that every machine's steps may make, whatever their arguments are. */
export const ALLOWED: readonly string[] = [
  FILES,
  ATTRIBUTES,
  READING_AND_WRITING,
  WAITING,
  MEMORY,
  PROCESSES,
  SIGNALS,
  USERS,
  TIME,
  SCHEDULING,
  BETWEEN_PROCESSES,
  NETWORK,
  MACHINE,
].flatMap(namesIn)

const ARM = namesIn('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls')

/** Calls of one kind of machine, by its `process.arch`. */
export const ALLOWED_BY_MACHINE: Readonly<Record<string, readonly string[]>> = {
  x64: namesIn('arch_prctl modify_ldt'),
  arm64: ARM,
  arm: ARM,
  ppc64: namesIn('sync_file_range2 swapcontext'),
  riscv64: namesIn('riscv_flush_icache'),
  s390x: namesIn('s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr'),
}

/**
 * Calls that are there but not for a step, which is told so. All others, newer ones too, are told not to be there:
 * programs then take an older way.
 */
export const REFUSED: readonly string[] = [
  // mounts and namespaces
  'mount umount umount2 pivot_root mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick setns unshare sethostname setdomainname',
  // the kernel's keyring: it is not divided by namespaces
  'add_key request_key keyctl',
  // the kernel itself, and the machine
  'init_module finit_module delete_module create_module query_module get_kernel_syms kexec_load kexec_file_load reboot bpf perf_event_open syslog acct',
  'lookup_dcookie fanotify_init quotactl quotactl_fd swapon swapoff vhangup nfsservctl iopl ioperm io_uring_setup io_uring_enter io_uring_register userfaultfd',
  'lsm_get_self_attr lsm_set_self_attr lsm_list_modules',
  // the clock
  'settimeofday stime clock_settime clock_settime64',
  // other processes and their memory, and where memory lies
  'kcmp pidfd_getfd process_madvise move_pages migrate_pages mbind get_mempolicy set_mempolicy set_mempolicy_home_node',
  // files by handle, around every path
  'open_by_handle_at',
  // not meant for programs of today
  'uselib ustat sysfs _sysctl bdflush vm86 vm86old afs_syscall tuxcall vserver security getpmsg putpmsg',
  'ftime gtty stty idle lock mpx nice oldfstat oldlstat oldolduname oldstat olduname prof profil readdir sgetmask sigaction signal sigpending sigsuspend ssetmask ulimit',
].flatMap(namesIn)

function namesIn(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}
