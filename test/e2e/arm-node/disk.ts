import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { debianMirror } from '../../support/debian-mirror.ts'
import { NO_NETWORK } from '../../support/no-network.ts'
import { runOk } from '../support/xbuild.ts'

/** What an arm64 machine starts from; nothing of it changes when it runs. */
export interface ArmDisk {
  /** An ext4 image: Debian with Docker Engine, an ssh server and QEMU for programs of other CPUs. */
  readonly image: string
  readonly kernel: string
  /**
   * The kernel modules that make the disk readable, and those that a node needs, in the order in which they are
   * loaded.
   */
  readonly modules: readonly string[]
  readonly busybox: string
}

const SUITE = 'bookworm'
const PACKAGES = [
  'linux-image-arm64',
  'docker.io',
  'openssh-server',
  'busybox-static',
  'bash',
  'dash',
  'coreutils',
  'ca-certificates',
  'qemu-user-static',
]
const MODULES = [
  'virtio_mmio',
  'virtio_blk',
  'crc32c_generic',
  'libcrc32c',
  'crc16',
  'mbcache',
  'jbd2',
  'ext4',
  'failover',
  'net_failover',
  'virtio_net',
  'overlay',
  'binfmt_misc',
]

/** Bytes of the disk; what nobody writes takes no room. */
const SIZE = '3G'

/** No script of a package runs, for that would take an emulator: this is all that a daemon and a login miss of them. */
const FILES: Readonly<Record<string, string>> = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534:sshd:/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\ndocker:x:101:\nnogroup:x:65534:\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/docker/daemon.json': JSON.stringify(NO_NETWORK),
  'etc/node/sshd_config': [
    'HostKey /etc/node/host_key',
    'AuthorizedKeysFile /etc/node/authorized_keys',
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'UseDNS no',
    'SetEnv PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    '',
  ].join('\n'),
}

/**
 * The disk, made at first use (two minutes) and kept in `cache`; what an older version of this file made is removed.
 */
export async function armDisk(cache: string): Promise<ArmDisk> {
  const version = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cache, `disk-${version}`)
  if (!existsSync(folder)) await make(folder, cache)
  const inFolder = (name: string) => join(folder, name)
  return {
    image: inFolder('disk.ext4'),
    kernel: inFolder('kernel'),
    busybox: inFolder('busybox'),
    modules: MODULES.map((name) => inFolder(`${name}.ko`)),
  }
}

async function make(folder: string, cache: string): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Error('Making the disk of an arm64 machine needs root: its files belong to root')
  console.error(`Making a Debian ${SUITE} for arm64 in ${folder}: a few minutes, once`)
  mkdirSync(cache, { recursive: true })
  for (const old of readdirSync(cache))
    if (/^(disk|making)-/.test(old)) rmSync(join(cache, old), { recursive: true, force: true })
  const making = mkdtempSync(join(cache, 'making-'))
  const root = join(making, 'root')
  const inMaking = (name: string) => join(making, name)
  try {
    await runOk('mmdebstrap', [
      '--mode=root',
      '--variant=extract',
      '--architectures=arm64',
      '--quiet',
      `--include=${PACKAGES.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      // A mirror may be a snapshot; its signature is checked all the same
      '--aptopt=Acquire::Check-Valid-Until "false"',
      SUITE,
      root,
      `deb ${await debianMirror()} ${SUITE} main`,
    ])
    const boot = readdirSync(join(root, 'boot')).find((name) => name.startsWith('vmlinuz-'))!
    copyFileSync(join(root, 'boot', boot), inMaking('kernel'))
    copyFileSync(join(root, 'bin/busybox'), inMaking('busybox'))
    for (const name of readdirSync(join(root, 'lib/modules'), { recursive: true, encoding: 'utf8' })) {
      const module = MODULES.find((one) => name.endsWith(`/${one}.ko`))
      if (module) copyFileSync(join(root, 'lib/modules', name), inMaking(`${module}.ko`))
    }
    for (const unused of ['boot', 'lib/modules', 'usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache'])
      rmSync(join(root, unused), { recursive: true, force: true })
    mkdirSync(join(root, 'etc/node'), { recursive: true })
    for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text)
    writeFileSync(inMaking('disk.ext4'), '')
    await runOk('mke2fs', ['-q', '-t', 'ext4', '-d', root, inMaking('disk.ext4'), SIZE], {
      env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    })
    rmSync(root, { recursive: true, force: true })
    renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}
