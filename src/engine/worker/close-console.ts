import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ARCHITECTURES } from '../../emulation/architectures.ts'
import { platformOfNodeArch } from '../../platform.ts'
import type { StepCgroups } from '../step-cgroups.ts'
import { consoleRule } from './console-rule.ts'

/** Section of a bundle (runtime-spec config.md): programs that a runtime starts before the container's own. */
export type Hooks = Readonly<Record<string, readonly { readonly path: string; readonly args: readonly string[] }[]>>

/** What each version of control groups has in its root. */
const [ROOT, VERSION_1, VERSION_2] = ['/sys/fs/cgroup', 'devices/devices.deny', 'cgroup.controllers']

/** A hook gets the container's state on stdin (config.md, POSIX-platform Hooks): one that ends first fails the step. */
const READ_STATE = 'while read -r _; do :; done'

/**
 * Runtimes but runc open the machine's console to each container, whatever its rules say: crun writes its own rules
 * after them. A hook closes it before the step's program is started. `scratch`: a folder for a file that it needs.
 */
export function closeConsole(
  cgroup: StepCgroups | undefined,
  { isRunc, name, scratch }: { readonly isRunc: boolean; readonly name: string; readonly scratch: string },
): Hooks | undefined {
  if (!cgroup || isRunc) return undefined
  const hook = (script: string, ...args: readonly string[]) => ({
    createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `${READ_STATE}; ${script}`, ...args] }],
  })
  if (existsSync(join(ROOT, VERSION_1)))
    return hook('echo "c 5:1 rw" >"$0"', join(ROOT, 'devices', cgroup.parent, name, 'devices.deny'))
  const { architecture } = platformOfNodeArch(process.arch)
  const program = consoleRule(ARCHITECTURES.find((one) => one.name === architecture)!)
  if (!program || !existsSync(join(ROOT, VERSION_2))) return undefined
  const path = join(scratch, 'close-console')
  writeFileSync(path, program, { mode: 0o700 })
  // A kernel, or whoever runs this in a container, may refuse rules to everybody: then the runtime's have no effect
  return hook('"$0" <"$1" || : >"$2"', path, join(ROOT, cgroup.parent, name), join(scratch, REFUSED))
}

/** The mark of a hook whose rule was refused. */
const REFUSED = 'console-is-open'

/** What to say when a step could open the console. */
export function consoleWarning({ runtime, scratch }: { readonly runtime: string; readonly scratch: string }): string[] {
  if (!existsSync(join(scratch, REFUSED))) return []
  return [`${runtime} lets steps open the console of the machine, and the kernel refused the rule against it: use runc`]
}
