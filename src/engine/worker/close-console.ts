import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { StepCgroups } from '../step-cgroups.ts'

/** Section of a bundle (runtime-spec config.md): programs that a runtime starts before the container's own. */
export type Hooks = Readonly<Record<string, readonly { readonly path: string; readonly args: readonly string[] }[]>>

/** Version 1 alone has it. */
const [ROOT, FILE] = ['/sys/fs/cgroup/devices', 'devices.deny']

/**
 * Runtimes but runc open the machine's console to each container, whatever its rules say: crun writes its own rules after
 * them. With version 1 of control groups, a hook takes that back before the step's program is started; with version 2
 * rules are programs of the kernel, which nothing here can write.
 */
export function closeConsole(
  cgroup: StepCgroups | undefined,
  { runtime, name }: { readonly runtime: string; readonly name: string },
): Hooks | undefined {
  if (!cgroup || basename(runtime).includes('runc') || !existsSync(join(ROOT, FILE))) return undefined
  const rules = join(ROOT, cgroup.parent, name, FILE)
  return { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'echo "c 5:1 rw" >"$0"', rules] }] }
}
