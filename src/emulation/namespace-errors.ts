import { readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { XbuildError } from '../errors.ts'
import type { NamespaceKind } from './namespace-kind.ts'

/** Whether a kernel (by `uname -r`) gives each user namespace a binfmt_misc of its own: Linux 6.7 and later. */
export function hasPrivateBinfmt(kernel: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel) ?? []
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 7)
}

/** Why no private handlers can be registered on this kernel, and what to do instead. */
export function tooOldKernel(kernel: string): XbuildError {
  const state = `Linux ${kernel} is older than 6.7`
  return new XbuildError('HOST', `Cannot register emulators for this build alone: ${state}`, {
    hint: HOST_HANDLERS_HINT,
  })
}

/** The way out that every kernel has. */
export const HOST_HANDLERS_HINT = 'Register QEMU for the whole machine once: sudo xbuild qemu install'

/** Turns what the set-up scripts said into an error that names what this machine lacks. */
export async function namespaceFailure(kind: NamespaceKind, lines: readonly string[]): Promise<XbuildError> {
  const said = lines.join('\n')
  const failed = (state: string, hint: string) =>
    new XbuildError('HOST', `Cannot set up namespaces for the build: ${state}`, { hint, output: lines })
  if (/binfmt_misc/.test(said)) {
    return failed(
      hasPrivateBinfmt(release())
        ? 'the kernel does not allow a private binfmt_misc mount'
        : `Linux ${release()} is older than 6.7`,
      /does not exist|unknown filesystem/.test(said)
        ? 'Load the kernel module: sudo modprobe binfmt_misc'
        : HOST_HANDLERS_HINT,
    )
  }
  if (/printf/.test(said)) {
    return failed(
      'the kernel refused to register an emulator',
      'Check that the qemu programs on PATH are there and can be read',
    )
  }
  const program = /(unshare|setpriv|mount): (?:command )?not found/.exec(said)?.[1]
  if (program) return failed(`the program ${program} is missing`, 'Install it: sudo apt-get install util-linux mount')
  const setting = await forbiddingSetting(kind)
  if (setting)
    return failed(
      `${setting.name} forbids user namespaces`,
      `Allow them: sudo sysctl -w ${setting.name}=${setting.allow}${setting.or ?? ''}`,
    )
  const hint =
    kind === 'rootless'
      ? 'In a container, start it with --privileged or with seccomp and AppArmor unconfined'
      : 'Start xbuild with the capability CAP_SYS_ADMIN; in a container: --privileged'
  return failed(lines.at(-1) ?? 'the set-up failed without an error message', hint)
}

interface Setting {
  readonly name: string
  readonly forbids: string
  readonly allow: string
  /** Another way. */
  readonly or?: string
  readonly kinds: readonly NamespaceKind[]
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'kernel.apparmor_restrict_unprivileged_userns', // Ubuntu
    forbids: '1',
    allow: '0',
    or: '; or load an AppArmor profile for this program alone: docs/troubleshooting.md',
    kinds: ['rootless'],
  },
  { name: 'kernel.unprivileged_userns_clone', forbids: '0', allow: '1', kinds: ['rootless'] }, // Debian, older
  { name: 'user.max_user_namespaces', forbids: '0', allow: '15000', kinds: ['rootless', 'root-emulate'] },
]

async function forbiddingSetting(kind: NamespaceKind): Promise<Setting | undefined> {
  for (const setting of SETTINGS.filter(({ kinds }) => kinds.includes(kind))) {
    const value = await readFile(`/proc/sys/${setting.name.replaceAll('.', '/')}`, 'utf8').catch(() => '')
    if (value.trim() === setting.forbids) return setting
  }
  return undefined
}
