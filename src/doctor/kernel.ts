import { release } from 'node:os'
import { hasPrivateBinfmt } from '../emulation/namespace-errors.ts'
import { versionAtLeast } from '../emulation/machine/version.ts'
import { here, type Finding } from './finding.ts'

/** Whether the kernel has what builds use. */
export function checkKernel(uid: number, kernel: string = release()): Finding {
  // Overlay mounts in a user namespace, which an ordinary user's builds live in
  if (uid !== 0 && !versionAtLeast(kernel, '5.11')) {
    return here(
      'kernel',
      'problem',
      `Linux ${kernel} does not let ordinary users mount overlay file systems: Linux 5.11 or later does`,
      { fix: 'Build as root, or boot a newer kernel' },
    )
  }
  if (!hasPrivateBinfmt(kernel)) {
    return here(
      'kernel',
      'warning',
      `Linux ${kernel} has one binfmt_misc for the whole machine: builds can register their own emulators only with Linux 6.7 or later`,
      {
        fix: 'Register QEMU for the whole machine: sudo xbuild qemu install',
      },
    )
  }
  return here('kernel', 'ok', `Linux ${kernel}: each build registers its own emulators`)
}
