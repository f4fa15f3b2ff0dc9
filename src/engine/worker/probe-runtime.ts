import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ARCHITECTURES } from '../../emulation/architectures.ts'
import { PROBE_STATUS, probeProgram } from '../../emulation/probe-program.ts'
import { XbuildError } from '../../errors.ts'
import { runProgram } from '../../host/spawn.ts'
import { platformOfNodeArch } from '../../platform.ts'
import { runtimeConfig } from './bundle.ts'
import { hasCgroupNamespaces, kernelFiles } from './kernel-files.ts'
import { seccompProfile } from './seccomp.ts'
import { canTryDevices, guardsDevices, tryDevices, type ProbeEdges } from './probe-devices.ts'
import { withScratch, type WorkerFolders } from './overlay.ts'
import { runContainer } from './container.ts'

/**
 * Tries a runtime's containers: one that looks for devices, where that tells something; else, or when that does not work,
 * one that holds nothing but a program of a hundred bytes, then the same without a seccomp profile.
 */
export async function probeRuntime(
  folders: WorkerFolders,
  { runtime, architecture }: { runtime: string; architecture?: string },
  options: ProbeEdges,
): Promise<{ failure?: string; isRunc: boolean; seccomp: boolean; devices: boolean }> {
  const isRunc = await saysRunc(runtime)
  const program = { runtime, isRunc, architecture: architecture ?? platformOfNodeArch(process.arch).architecture }
  if (architecture === undefined && canTryDevices(options)) {
    // Mostly one container tells all
    const found = await tryDevices(folders, { runtime, isRunc, ...options, seccomp: seccompProfile(process.arch) })
    if (found) return { isRunc, seccomp: true, devices: found === 'closed' }
  }
  const { failure } = await probe(folders, { ...options, ...program, seccomp: true })
  const devices = async () => options.inUserNamespace || guardsDevices(folders, { runtime, isRunc, ...options })
  if (failure === undefined) return { isRunc, seccomp: true, devices: await devices() }
  const other = await probe(folders, { ...options, ...program, seccomp: false })
  if (other.failure !== undefined) return { isRunc, seccomp: false, devices: false, failure: other.failure }
  return { isRunc, seccomp: false, devices: await devices() }
}

/** Runtimes differ in what they must be told, and any may be installed by any name. */
async function saysRunc(runtime: string): Promise<boolean> {
  return /^runc\b/.test(await runProgram(runtime, ['--version']).catch(() => ''))
}

async function probe(
  folders: WorkerFolders,
  {
    runtime,
    isRunc,
    architecture,
    seccomp,
    signal,
    inUserNamespace,
    cgroup,
  }: ProbeEdges & { runtime: string; isRunc: boolean; architecture: string; seccomp: boolean },
): Promise<{ failure?: string }> {
  return withScratch(folders, async (scratch) => {
    const rootfs = join(scratch, 'rootfs')
    for (const folder of ['', 'proc', 'sys', 'dev']) mkdirSync(join(rootfs, folder))
    writeFileSync(join(rootfs, 'probe'), probeProgram(ARCHITECTURES.find(({ name }) => name === architecture)!))
    chmodSync(join(rootfs, 'probe'), 0o755)
    const name = `xbuild-${folders.owner}-probe-${randomBytes(8).toString('hex')}`
    const ids = { uid: 0, gid: 0, additionalGids: [] }
    writeFileSync(
      join(scratch, 'config.json'),
      JSON.stringify(
        runtimeConfig({
          rootfs,
          argv: ['/probe'],
          env: [],
          cwd: '/',
          ids,
          hostname: 'probe',
          files: [],
          kernelFiles: await kernelFiles({ inUserNamespace, ownsNetwork: false }),
          cgroupNamespace: hasCgroupNamespaces(),
          ...(seccomp ? { seccomp: seccompProfile(process.arch) } : {}),
          cgroup,
          name,
        }),
      ),
    )
    const { status, output, fromRuntime } = await runContainer({
      scratch,
      name,
      runtime,
      isRunc,
      signal,
      inUserNamespace,
      onLog: () => undefined,
    })
    if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
    return status === PROBE_STATUS ? {} : { failure: fromRuntime.at(-1) ?? output.at(-1) ?? `exit status ${status}` }
  })
}
