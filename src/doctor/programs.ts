import { readFile } from 'node:fs/promises'
import { findEmulators, type Environment } from '../emulation/emulators.ts'
import { findProgram } from '../host/files.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'

interface Need {
  /** Any of them. */
  readonly programs: readonly string[]
  /** As Debian and Ubuntu call it. */
  readonly package: string
  readonly why: string
  readonly ordinaryUsers?: boolean
  /** Builds go on without it, worse. */
  readonly optional?: boolean
}

const NEEDS: readonly Need[] = [
  { programs: ['crun', 'runc', 'youki'], package: 'runc', why: 'runs steps in a sandbox' },
  { programs: ['tar'], package: 'tar', why: 'unpacks layers' },
  { programs: ['getfattr'], package: 'attr', why: 'reads file attributes' },
  { programs: ['setfattr'], package: 'attr', why: 'writes file attributes' },
  { programs: ['unshare'], package: 'util-linux', why: 'makes namespaces' },
  { programs: ['setpriv'], package: 'util-linux', why: 'ends the processes of a build with the build' },
  { programs: ['mount'], package: 'mount', why: 'mounts file systems' },
  {
    programs: ['pasta', 'slirp4netns'],
    package: 'passt',
    why: 'gives steps a network of their own, apart from services of this machine',
    optional: true,
  },
  {
    programs: ['ip'],
    package: 'iproute2',
    why: "keeps steps from a cloud's metadata addresses",
    optional: true,
  },
  { programs: ['newuidmap'], package: 'uidmap', why: 'lets an ordinary user own many user ids', ordinaryUsers: true },
  { programs: ['newgidmap'], package: 'uidmap', why: 'lets an ordinary user own many group ids', ordinaryUsers: true },
]

/** Whether the programs are there that builds start. */
export async function checkPrograms({ uid, env }: Pick<Machine, 'uid' | 'env'>): Promise<Finding[]> {
  const needs = NEEDS.filter(({ ordinaryUsers }) => !ordinaryUsers || uid !== 0)
  const found = await Promise.all(
    needs.map(async ({ programs }) =>
      (await Promise.all(programs.map((name) => findProgram(name, env['PATH'])))).find(Boolean),
    ),
  )
  const missing = needs.filter((_, index) => found[index] === undefined)
  const findings = missing.map(({ programs, package: name, why, optional }) =>
    here('programs', optional ? 'warning' : 'problem', `${programs.join(' or ')} is not installed: it ${why}`, {
      fix: `Install it: sudo apt-get install ${name}`,
      repair: { kind: 'packages', packages: [name] },
    }),
  )
  return findings.length > 0
    ? findings
    : [
        here(
          'programs',
          'ok',
          `${needs.map(({ programs }, index) => programs.find((name) => found[index]!.endsWith(`/${name}`))).join(', ')} are installed`,
        ),
      ]
}

/** The package that brings a statically linked QEMU, when there is none for any architecture; else nothing. */
export async function missingQemu(env: Environment): Promise<string | undefined> {
  if ((await findEmulators(env)).some((emulator) => emulator.static)) return undefined
  return qemuPackage(await readFile('/etc/os-release', 'utf8').catch(() => ''))
}

/**
 * Debian 13 and Ubuntu 25.04 made the programs of `qemu-user` static; before them, those need the libraries of the
 * image.
 */
export function qemuPackage(osRelease: string): string {
  const field = (name: string) => new RegExp(`^${name}=["']?([^"'\n]*)`, 'm').exec(osRelease)?.[1]
  const version = Number(field('VERSION_ID') ?? 999)
  return version >= (field('ID') === 'ubuntu' ? 25.04 : 13) ? 'qemu-user' : 'qemu-user-static'
}
