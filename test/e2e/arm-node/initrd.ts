import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { ArmDisk } from './disk.ts'

/** What this start of the machine alone knows: who is let in, and what the machine proves itself with. */
export interface Keys {
  readonly hostKey: string
  readonly authorizedKeys: string
}

/** The first file system of the machine: it loads modules, hands the keys to the disk and goes over to it. */
export function initrd({ modules, busybox }: ArmDisk, { hostKey, authorizedKeys }: Keys): Buffer {
  return archive([
    ...['bin', 'proc', 'dev', 'root', 'modules', 'node'].map((path): Entry => ({ path, mode: 0o040755 })),
    { path: 'bin/busybox', mode: 0o100755, content: readFileSync(busybox) },
    ...modules.map(
      (module): Entry => ({ path: `modules/${basename(module)}`, mode: 0o100644, content: readFileSync(module) }),
    ),
    { path: 'node/host_key', mode: 0o100600, content: Buffer.from(hostKey) },
    { path: 'node/authorized_keys', mode: 0o100600, content: Buffer.from(authorizedKeys) },
    { path: 'node/start', mode: 0o100755, content: Buffer.from(START) },
    { path: 'init', mode: 0o100755, content: Buffer.from(init(modules.map((module) => basename(module)))) },
  ])
}

function init(modules: readonly string[]): string {
  return `#!/bin/busybox sh
PATH=/bin
for program in mount umount insmod cp switch_root; do busybox ln -s busybox /bin/$program; done
mount -t proc proc /proc
mount -t devtmpfs dev /dev
${modules.map((module) => `insmod /modules/${module}`).join('\n')}
mount -o noatime /dev/vda /root
cp /node/* /root/etc/node/
umount /proc
umount /dev
exec switch_root /root /etc/node/start
`
}

/** The first process of the machine. The addresses are those that QEMU's own network gives its only guest. */
const START = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
$b mkdir -p /dev/pts /run /tmp /root
$b mount -t devpts devpts /dev/pts
$b mount -t tmpfs tmpfs /run
$b mount -t cgroup2 cgroup /sys/fs/cgroup
$b mkdir -p /run/sshd /var/lib /var/run
$b chmod 1777 /tmp
$b hostname arm-node
$b ip link set lo up
$b ip addr add 10.0.2.15/24 dev eth0
$b ip link set eth0 up
$b ip route add default via 10.0.2.2
/usr/sbin/sshd -D -e -f /etc/node/sshd_config &
dockerd --host unix:///var/run/docker.sock &
while :; do wait; $b sleep 1; done
`

interface Entry {
  readonly path: string
  readonly mode: number
  readonly content?: Buffer
}

/**
 * A cpio archive of the kind that kernels read ("newc"): a header of hexadecimal fields, the name and the content,
 * each padded to four bytes.
 */
function archive(entries: readonly Entry[]): Buffer {
  const parts = [...entries, { path: 'TRAILER!!!', mode: 0 }].flatMap(
    ({ path, mode, content = Buffer.alloc(0) }: Entry, index) => {
      const name = Buffer.from(`${path}\0`)
      const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
      const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
      return [padded(Buffer.concat([header, name])), padded(content)]
    },
  )
  return Buffer.concat(parts)
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}
