import { homedir } from 'node:os'
import { join } from 'node:path'

const NEEDED = [
  { programs: ['qemu-system-aarch64'], package: 'qemu-system-arm', why: 'is the arm64 machine' },
  { programs: ['mmdebstrap'], package: 'mmdebstrap', why: 'makes the Debian that the machine runs' },
  { programs: ['mke2fs'], package: 'e2fsprogs', why: 'makes its disk' },
  { programs: ['aarch64-linux-gnu-gcc'], package: 'gcc-aarch64-linux-gnu', why: 'compiles the handler for it' },
  { programs: ['setpriv'], package: 'util-linux', why: 'ends the machine with the test' },
  { programs: ['ssh-keygen'], package: 'openssh-client', why: 'is the way to it' },
  { programs: ['skopeo'], package: 'skopeo', why: 'reads what xbuild wrote' },
]

/** Installs what the machine needs; resolves to the folder where its disk is kept. */
export async function prepare(): Promise<string> {
  const setup = (await import('../../../examples/setup/programs.mjs' as string)) as {
    installPrograms(needs: readonly object[]): Promise<void>
    neededToBuild(): object[]
  }
  await setup.installPrograms([...setup.neededToBuild(), ...NEEDED])
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'xbuild-test-arm-node')
}
