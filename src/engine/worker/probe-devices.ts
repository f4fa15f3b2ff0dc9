import { randomBytes } from 'node:crypto'
import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compact } from '../../compact.ts'
import { XbuildError } from '../../errors.ts'
import { runProgram } from '../../host/spawn.ts'
import type { StepCgroups } from '../step-cgroups.ts'
import { runtimeConfig } from './bundle.ts'
import { runContainer } from './container.ts'
import { hasCgroupNamespaces, kernelFiles } from './kernel-files.ts'
import { withScratch, type WorkerFolders } from './overlay.ts'
import { mountPoints, unmountBelow } from './unmount.ts'

/** Where a container is tried. */
export interface ProbeEdges {
  readonly signal: AbortSignal
  readonly inUserNamespace: boolean
  /** Where containers get their control groups; absent: they have none. */
  readonly cgroup: StepCgroups | undefined
}

/** Every kernel has it, no rule allows it to a container, and opening it for writing needs no capability. */
const DEVICE = { path: '/dev/kmsg', major: 1, minor: 11 }
const NODE = '/dev/xbuild-probe'

const [CLOSED, OPEN] = [42, 43]

/** Opens, writes nothing. */
const SCRIPT = `[ -c ${NODE} ] || exit 1
if (: >>${NODE}) 2>/dev/null; then exit ${OPEN}; fi
exit ${CLOSED}`

/** Whether the control groups of a runtime's containers keep devices of the machine closed. */
export async function guardsDevices(folders: WorkerFolders, options: DeviceProbe): Promise<boolean> {
  if (!canTryDevices(options)) return true // what this process cannot open, nor can whom it starts
  return (await tryDevices(folders, options)) === 'closed'
}

/** Whether there is something to be tried. */
export function canTryDevices({ inUserNamespace }: Pick<ProbeEdges, 'inUserNamespace'>): boolean {
  return !inUserNamespace && canOpen(DEVICE.path)
}

/** How a runtime is tried. */
export interface DeviceProbe extends ProbeEdges {
  readonly runtime: string
  readonly isRunc: boolean
  /** Section of the configuration; absent: without a profile. */
  readonly seccomp?: unknown
}

/**
 * Whether a device of the machine is closed or open in a container; nothing when that does not run as it should. It is
 * tried with this machine's own shell, since no image is at hand.
 */
export async function tryDevices(
  folders: WorkerFolders,
  { runtime, isRunc, signal, cgroup, seccomp }: DeviceProbe,
): Promise<'closed' | 'open' | undefined> {
  return withScratch(folders, async (scratch) => {
    const rootfs = join(scratch, 'rootfs')
    mkdirSync(rootfs)
    // Without what is mounted below: copies of the mounts of other steps would keep their folders from being removed
    await runProgram('mount', ['--bind', '/', rootfs])
    await runProgram('mount', ['-o', 'remount,bind,ro', rootfs])
    try {
      for (const path of mountedPrograms()) {
        const target = join(rootfs, path)
        await runProgram('mount', ['--bind', path, target])
        await runProgram('mount', ['-o', 'remount,bind,ro', target])
      }
      const name = `xbuild-${folders.owner}-devices-${randomBytes(8).toString('hex')}`
      const config = runtimeConfig({
        rootfs,
        argv: ['/bin/sh', '-c', SCRIPT],
        env: ['PATH=/usr/bin:/bin'],
        cwd: '/',
        ids: { uid: 0, gid: 0, additionalGids: [] },
        hostname: 'probe',
        files: [],
        network: 'none',
        kernelFiles: await kernelFiles({ inUserNamespace: false, ownsNetwork: true }),
        cgroupNamespace: hasCgroupNamespaces(),
        cgroup,
        name,
        ...compact({ seccomp }),
        devices: [{ path: NODE, type: 'c', major: DEVICE.major, minor: DEVICE.minor, fileMode: 0o600, uid: 0, gid: 0 }],
        readOnlyRoot: true,
      })
      writeFileSync(join(scratch, 'config.json'), JSON.stringify(config))
      const options = { scratch, name, runtime, isRunc, signal, inUserNamespace: false, onLog: () => undefined }
      const { status } = await runContainer(options)
      if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
      return status === CLOSED ? 'closed' : status === OPEN ? 'open' : undefined
    } finally {
      await unmountBelow(rootfs)
    }
  })
}

/** Where the shell and its libraries are, when that is not the root file system; the shorter paths first. */
function mountedPrograms(): string[] {
  const folders = mountPoints().map(({ path }) => path)
  return [...new Set(folders)].filter((path) => PROGRAMS.test(path)).toSorted()
}

const PROGRAMS = /^\/(?:usr|bin|sbin|lib\w*|nix|gnu)(?:\/|$)/

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NOCTTY))
    return true
  } catch {
    return false
  }
}
