import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ARCHITECTURES } from '../../emulation/architectures.ts'
import { PROBE_STATUS, probeProgram } from '../../emulation/probe-program.ts'
import { XbuildError } from '../../errors.ts'
import { platformOfNodeArch } from '../../platform.ts'
import { runtimeConfig } from './bundle.ts'
import { seccompProfile } from './seccomp.ts'
import { withScratch, type WorkerFolders } from './overlay.ts'
import { runContainer } from './container.ts'

/**
 * Runs a container that holds nothing but a program of a hundred bytes; when that does not work, once more without a
 * seccomp profile.
 */
export async function probeRuntime(
  folders: WorkerFolders,
  { runtime, architecture }: { runtime: string; architecture?: string },
  options: { signal: AbortSignal; inUserNamespace: boolean },
): Promise<{ failure?: string; seccomp: boolean }> {
  const program = { runtime, architecture: architecture ?? platformOfNodeArch(process.arch).architecture }
  const { failure } = await probe(folders, { ...options, ...program, seccomp: true })
  if (failure === undefined) return { seccomp: true }
  const other = await probe(folders, { ...options, ...program, seccomp: false })
  return { seccomp: false, ...(other.failure === undefined ? {} : { failure }) }
}

async function probe(
  folders: WorkerFolders,
  {
    runtime,
    architecture,
    seccomp,
    signal,
    inUserNamespace,
  }: { runtime: string; architecture: string; seccomp: boolean; signal: AbortSignal; inUserNamespace: boolean },
): Promise<{ failure?: string }> {
  return withScratch(folders, async (scratch) => {
    const rootfs = join(scratch, 'rootfs')
    for (const folder of ['', 'proc', 'sys', 'dev']) mkdirSync(join(rootfs, folder))
    writeFileSync(join(rootfs, 'probe'), probeProgram(ARCHITECTURES.find(({ name }) => name === architecture)!))
    chmodSync(join(rootfs, 'probe'), 0o755)
    const name = `xbuild-${folders.owner}-probe-${Date.now().toString(36)}`
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
          bindSys: inUserNamespace,
          ...(seccomp ? { seccomp: seccompProfile(process.arch) } : {}),
          ...(inUserNamespace ? {} : { cgroupsPath: `/${name}` }),
        }),
      ),
    )
    const { status, output, fromRuntime } = await runContainer({
      scratch,
      name,
      runtime,
      signal,
      inUserNamespace,
      onLog: () => undefined,
    })
    if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
    return status === PROBE_STATUS ? {} : { failure: fromRuntime.at(-1) ?? output.at(-1) ?? `exit status ${status}` }
  })
}
