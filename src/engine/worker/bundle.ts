import { join } from 'node:path'
import { compact } from '../../compact.ts'
import type { Resources } from '../../config/run-options.ts'
import type { Hooks } from './close-console.ts'
import type { KernelFiles } from './kernel-files.ts'
import type { StepCgroups } from '../step-cgroups.ts'
import { resourceLimits } from './resources.ts'
import type { Ids } from './users.ts'

/** What a container is to run, everything resolved. */
export interface ContainerSpec {
  readonly rootfs: string
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly ids: Ids
  readonly hostname: string
  /** Files of the host that appear in the container, read-only. */
  readonly files: readonly { readonly source: string; readonly target: string; readonly runs: boolean }[]
  /** Further mounts, after all others. */
  readonly mounts?: readonly unknown[]
  /** The host's, one of its own that leads nowhere, or one that is open already; default: the host's. */
  readonly network?: 'host' | 'none' | { readonly path: string }
  readonly rlimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
  /** Bytes of /dev/shm. */
  readonly shmSize?: number
  /** Section of the configuration. */
  readonly seccomp?: unknown
  readonly kernelFiles: KernelFiles
  /** The kernel has namespaces of control groups. */
  readonly cgroupNamespace: boolean
  /** Where its control group is made; absent: the runtime's default, for rootless ones none. */
  readonly cgroup?: StepCgroups | undefined
  /** Of the container, and of its control group. */
  readonly name: string
  /** Without them the runtime's own. */
  readonly devices?: readonly unknown[]
  readonly readOnlyRoot?: boolean
  readonly hooks?: Hooks
  /** Nothing else keeps devices of the machine closed. */
  readonly refuseNodes?: boolean
  /** What its control group may use, beside the limits that every step has. */
  readonly resources?: Resources
  /** Processes that it may have where `resources` do not say. */
  readonly mostProcesses?: number
}

/** The capabilities that Docker gives a container. */
const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]
/** Folders and files that the container's own mounts need in the root file system. */
export const MOUNT_POINTS = ['/proc', '/dev', '/sys'] as const

/** The OCI runtime configuration (runtime-spec config.md) of one RUN: everything but the network is its own. */
export function runtimeConfig(spec: ContainerSpec): unknown {
  const { network = 'host' } = spec
  // On the machine's own network it would read and forge the packets of others
  const refused = [...(network === 'host' ? ['CAP_NET_RAW'] : []), ...(spec.refuseNodes ? ['CAP_MKNOD'] : [])]
  const capabilities = CAPABILITIES.filter((name) => !refused.includes(name))
  const sys =
    spec.kernelFiles.sys === 'bound'
      ? { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] }
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: spec.ids.uid, gid: spec.ids.gid, additionalGids: spec.ids.additionalGids },
      args: spec.argv,
      env: spec.env,
      cwd: spec.cwd,
      // Root gets all of them at once; another user only may gain them, through a set-uid program.
      capabilities: {
        bounding: capabilities,
        ...(spec.ids.uid === 0 ? { effective: capabilities, permitted: capabilities } : {}),
      },
      noNewPrivileges: false,
      ...(spec.rlimits?.length
        ? {
            rlimits: spec.rlimits.map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
          }
        : {}),
    },
    root: { path: spec.rootfs, readonly: spec.readOnlyRoot === true },
    hostname: spec.hostname,
    ...compact({ hooks: spec.hooks }),
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        // A size of one's own comes without these, as with BuildKit
        options: [
          'nosuid',
          ...(spec.shmSize === undefined ? ['noexec', 'nodev'] : []),
          'mode=1777',
          `size=${spec.shmSize ?? 64 << 20}`,
        ],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      sys,
      ...spec.files.map(({ source, target, runs }) => ({
        destination: target,
        type: 'bind',
        source,
        options: ['bind', 'ro', 'nosuid', 'nodev', ...(runs ? [] : ['noexec'])],
      })),
      ...(spec.mounts ?? []),
    ],
    linux: {
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        ...(spec.cgroupNamespace ? [{ type: 'cgroup' }] : []),
        ...(network === 'host' ? [] : [{ type: 'network', ...(network === 'none' ? {} : network) }]),
      ],
      ...compact({ devices: spec.devices }),
      maskedPaths: spec.kernelFiles.masked,
      readonlyPaths: spec.kernelFiles.readOnly,
      ...compact({ seccomp: spec.seccomp }),
      ...(spec.cgroup
        ? {
            cgroupsPath: join(spec.cgroup.parent, spec.name),
            resources: resourceLimits(spec.resources, spec.cgroup.controllers, spec.mostProcesses),
          }
        : {}),
    },
  }
}
