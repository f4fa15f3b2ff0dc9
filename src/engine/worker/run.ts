import { compact } from '../../compact.ts'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { XbuildError } from '../../errors.ts'
import { runProgram } from '../../host/spawn.ts'
import { makeFolders } from '../../content/in-root.ts'
import type { StepCgroups } from '../step-cgroups.ts'
import type { Changed, RunParams } from '../protocol.ts'
import { runtimeConfig } from './bundle.ts'
import { withProcessLimit } from './resources.ts'
import type { StepTimes } from '../../content/starts.ts'
import { closeConsole, consoleWarning } from './close-console.ts'
import { runContainer, type OnLog } from './container.ts'
import { watchCpu, type CpuWatch } from './cpu-times.ts'
import { deviceNodesIn } from './device-nodes.ts'
import { hasCgroupNamespaces, kernelFiles } from './kernel-files.ts'
import { maskFor } from '../../content/mask.ts'
import { HOSTNAME, hostFiles } from './host-files.ts'
import type { StepNetwork } from './network.ts'
import { makeMountPoints, removeMountPoints } from './mount-points.ts'
import { withMounts } from './mounts.ts'
import { withPlacedMounts } from './nested-mounts.ts'
import { isEmpty, makeSnapshot, type WorkerFolders } from './overlay.ts'
import { runFailure } from './run-failure.ts'
import { seccompProfile } from './seccomp.ts'
import { checkUserFiles } from './user-files.ts'
import { resolveUser } from './users.ts'

/** Where a command runs. */
export interface RunEdges {
  readonly signal: AbortSignal
  readonly onLog: OnLog
  readonly inUserNamespace: boolean
  /** Where steps get their control groups; absent: they have none. */
  readonly cgroup: StepCgroups | undefined
  readonly network: Pick<StepNetwork, 'path' | 'nameserver'>
  /** What was said already, and is not said again. */
  readonly told: Set<string>
}

/** RUN: runs a command in a container over `lowers`; what it changed is snapshot `id`. */
export async function run(
  folders: WorkerFolders,
  params: RunParams,
  { signal, onLog, inUserNamespace, cgroup, network, told }: RunEdges,
): Promise<Changed> {
  const lowers = params.lowers.length === 0 ? [emptyLower(folders)] : params.lowers
  return makeSnapshot(folders, { id: params.id, lowers }, async ({ merged, upper, scratch }) => {
    const refuseNodes = !params.guardsDevices && !inUserNamespace
    const ids = resolveUser(merged, params.user)
    const files = hostFiles(scratch, params, network.nameserver)
    if (refuseNodes) await runProgram('mount', ['-o', 'remount,bind,nodev', merged])
    // crun mounts the root once more, without what this mount refuses
    const devices = refuseNodes ? deviceNodesIn(merged) : []
    return withMounts(folders, { mounts: params.mounts, scratch, refuseNodes }, async (prepared) => {
      const mountPoints = makeMountPoints(merged, {
        under: files.map((file) => file.target),
        files: prepared.files,
        folders: prepared.folders,
        inMemory: params.mounts.flatMap((mount) => (mount.type === 'tmpfs' ? [mount.target] : [])),
      })
      makeFolders(merged, params.cwd)
      const shown = files.map(({ source, target }) => ({ source, destination: target, type: 'bind' }))
      const edges = { files: shown, caches: prepared.caches, scratch }
      const times = await withPlacedMounts(merged, prepared.mounts, edges, async ({ mounts, table }) => {
        checkUserFiles(merged, table)
        const name = `xbuild-${folders.owner}-${params.id}`
        const shownOfKernel = await kernelFiles({ inUserNamespace, ownsNetwork: params.network !== 'host' })
        const config = runtimeConfig({
          rootfs: merged,
          argv: params.argv,
          env: [...params.env, ...prepared.env.filter((variable) => !isKnownAgent(variable, params.env))],
          cwd: params.cwd,
          ids,
          hostname: params.hostname ?? HOSTNAME,
          files,
          mounts: [...accelMounts(params), ...mounts],
          network: params.network === 'own' ? { path: network.path! } : params.network,
          rlimits: withProcessLimit(params.ulimits, { inUserNamespace, cgroup, most: params.mostProcesses }),
          refuseNodes,
          kernelFiles: { ...shownOfKernel, masked: [...shownOfKernel.masked, ...devices] },
          cgroupNamespace: hasCgroupNamespaces(),
          ...compact({ shmSize: params.shmSize }),
          ...(params.seccomp ? { seccomp: seccompProfile(process.arch) } : {}),
          cgroup,
          mostProcesses: params.mostProcesses,
          name,
          ...compact({ hooks: closeConsole(cgroup, { isRunc: params.isRunc, name, scratch }) }),
          ...(params.resources ? { resources: params.resources } : {}),
        })
        // The configuration holds secrets that are variables, and the runtime may keep a copy of it
        const bundle = prepared.memory ?? scratch
        writeFileSync(join(bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 })
        const mask = maskFor(prepared.secrets)
        let watch: CpuWatch | undefined
        let measured: StepTimes | undefined
        const end = await runContainer({
          scratch: bundle,
          name,
          runtime: params.runtime,
          isRunc: params.isRunc,
          signal,
          onLog: (stream, lines) => onLog(stream, lines.map(mask.text)),
          cut: mask.cut,
          inUserNamespace,
          ...(params.looks ? { onStart: (pid: number) => (watch = watchCpu(pid, params.looks)) } : {}),
        }).finally(() => (measured = watch?.end()))
        if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
        if (end.status !== 0) throw runFailure(params, { ...end, output: end.output.map(mask.text) })
        return measured
      })
      removeMountPoints(merged, mountPoints)
      const warnings = consoleWarning({ runtime: params.runtime, scratch }).filter((one) => !told.has(one))
      for (const one of warnings) told.add(one)
      return { empty: isEmpty(upper), ...(warnings.length > 0 ? { warnings } : {}), ...(times ? { times } : {}) }
    })
  })
}

/** The agent that ENV names goes before one that is mounted, as with BuildKit. */
function isKnownAgent(variable: string, env: readonly string[]): boolean {
  const name = 'SSH_AUTH_SOCK='
  return variable.startsWith(name) && env.some((other) => other.startsWith(name))
}

/** In /dev, which is a file system of the container's own: nothing of it is left in the image. */
function accelMounts({ accel }: RunParams): { destination: string; type: string; source: string; options: string[] }[] {
  return Object.entries(accel ?? {}).map(([name, source]) => ({
    destination: `/dev/.xbuild/${name}`,
    type: 'bind',
    source,
    options: ['bind', name === 'starts' ? 'rw' : 'ro', 'nosuid', 'nodev', ...(name === 'starts' ? ['noexec'] : [])],
  }))
}

/** Overlay needs something below; an image from scratch has nothing. */
function emptyLower(folders: WorkerFolders): string {
  const path = join(folders.snapshots, 'empty')
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o755)
  if (readdirSync(path).length > 0) {
    throw new XbuildError('STORE', `Cannot start from an empty image: "${path}" is not empty`, { hint: 'Empty it' })
  }
  return 'empty'
}
