import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { runProgram } from '../../host/spawn.ts'

/** What a container is shown of the kernel: files below /proc and /sys, and devices. */
export interface KernelFiles {
  /** A file system of its own, or the machine's, when the container does not own its network namespace. */
  readonly sys: 'own' | 'bound'
  /** Nothing is to be seen there. */
  readonly masked: readonly string[]
  /** Nothing is to be changed there. */
  readonly readOnly: readonly string[]
}

/** Docker's, and Podman's list of the machine's disks. */
const MASKED_FOLDERS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/scsi',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]
const MASKED_FILES = [
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
  '/proc/timer_stats',
]
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** Where file systems are mounted below /sys, whether one is there now or not. */
const MASKED_OF_BOUND_SYS = [
  '/sys/fs/cgroup',
  '/sys/fs/bpf',
  '/sys/fs/fuse/connections',
  '/sys/fs/pstore',
  '/sys/fs/resctrl',
  '/sys/fs/selinux',
  '/sys/fs/smackfs',
  '/sys/firmware/efi/efivars',
  '/sys/kernel/config',
  '/sys/kernel/debug',
  '/sys/kernel/security',
  '/sys/kernel/tracing',
]

/**
 * In a user namespace a runtime cannot make devices: it shows the machine's. Where root is the machine's root, a step
 * could change their modes and owners.
 */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty']

/** The rules for a container; `mountInfo` is that of the worker. */
export function kernelFilesFor({
  inUserNamespace,
  ownsSys,
  throttles,
  mountInfo,
  isFolder,
}: {
  inUserNamespace: boolean
  ownsSys: boolean
  /** Folders that tell how hot CPUs are. */
  throttles: readonly string[]
  mountInfo: string
  isFolder: (path: string) => boolean
}): KernelFiles {
  const masked = [...MASKED_FOLDERS, ...MASKED_FILES, ...throttles]
  // A file that is masked is one of the machine's devices, too
  const readOnly = inUserNamespace ? [...READ_ONLY, ...DEVICES, ...MASKED_FILES] : READ_ONLY
  if (ownsSys) return { sys: 'own', masked, readOnly }
  // A bind of /sys brings along what is mounted below it, and read-only holds for its top alone
  const below = topmost(mountsBelow('/sys', mountInfo))
  const folders = below.filter(isFolder)
  return {
    sys: 'bound',
    masked: [...new Set([...masked, ...MASKED_OF_BOUND_SYS, ...folders])],
    readOnly: [...readOnly, ...below.filter((path) => !folders.includes(path))],
  }
}

/** Paths below a folder at which something is mounted. */
function mountsBelow(folder: string, mountInfo: string): string[] {
  return mountInfo.split('\n').flatMap((line) => {
    const path = (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    return path.startsWith(`${folder}/`) ? [path] : []
  })
}

function topmost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)]
  return unique.filter((path) => !unique.some((other) => path.startsWith(`${other}/`)))
}

let canMount: Promise<boolean> | undefined

/** What a container of this worker is shown. `ownsNetwork`: its network namespace is not the machine's. */
export async function kernelFiles(options: {
  readonly inUserNamespace: boolean
  readonly ownsNetwork: boolean
}): Promise<KernelFiles> {
  const { inUserNamespace, ownsNetwork } = options
  return kernelFilesFor({
    inUserNamespace,
    ownsSys: !inUserNamespace || (ownsNetwork && (await (canMount ??= canMountSys()))),
    throttles: throttles(),
    mountInfo: readFileSync('/proc/self/mountinfo', 'utf8'),
    isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  })
}

/** In a container whose /sys has masks, the kernel lets nobody see behind them by mounting it again. */
async function canMountSys(): Promise<boolean> {
  try {
    await runProgram('unshare', ['--net', '--mount', '--', 'mount', '-t', 'sysfs', '-o', 'ro', 'sysfs', '/sys'])
    return true
  } catch {
    return false
  }
}

function throttles(): string[] {
  const folder = '/sys/devices/system/cpu'
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${folder}/${name}/thermal_throttle`)
    .filter((path) => existsSync(path))
}

/** Whether a container can have a view of control groups that begins at its own. */
export function hasCgroupNamespaces(): boolean {
  return existsSync('/proc/self/ns/cgroup')
}
