import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

/** Tries to change every mount that is not the step's own; a success changes nothing, but is told. */
const MOUNTS = `#!/bin/sh
own=$(stat -c %d /dev)
awk '{ print $5 }' /proc/self/mountinfo | sort -u | while read -r mount; do
  case $mount in / | /dev | /dev/pts | /dev/shm | /dev/mqueue | /proc) continue ;; esac
  [ "$mount" = /dev/.xbuild/starts ] && continue # a file of the step's own, where the handler tells what it started
  [ -e "$mount" ] || continue
  if [ -d "$mount" ]; then
    if mkdir "$mount/xbuild-test-$$" 2>/dev/null; then
      rmdir "$mount/xbuild-test-$$"
      echo "changed: $mount by mkdir"
    fi
  elif [ "$(stat -c %d "$mount")" = "$own" ]; then
    continue # a node of the step's own /dev
  fi
  if chmod "$(stat -c %a "$mount")" "$mount" 2>/dev/null; then echo "changed: $mount by chmod"; fi
  if chown "$(stat -c %u:%g "$mount")" "$mount" 2>/dev/null; then echo "changed: $mount by chown"; fi
  if touch -c "$mount" 2>/dev/null; then echo "changed: $mount by touch"; fi
done
echo tried: mounts
`

/** Opens for writing what the kernel shows, without writing anything. */
const FILES = `#!/bin/sh
{
  find /sys -maxdepth 3 -type f
  find /sys/devices/system /sys/module /sys/kernel/mm /sys/class/net/ -maxdepth 3 -type f | head -300
  find /proc/sys/kernel /proc/sys/vm /proc/sys/fs /proc/sys/user /proc/irq /proc/bus /proc/fs -type f
  echo /proc/sysrq-trigger
  echo /proc/kcore
  for name in cgroup.kill cgroup.procs freezer.state devices.allow devices.deny pids.max release_agent; do
    for group in '' /pids /devices /freezer /memory /unified; do echo "/sys/fs/cgroup$group/$name"; done
  done
} | while read -r file; do
  if [ -f "$file" ] && true 2>/dev/null >>"$file"; then echo "open: $file"; fi
done
for group in '' /pids /devices /freezer /memory /unified; do
  if mkdir "/sys/fs/cgroup$group/xbuild-test" 2>/dev/null; then
    rmdir "/sys/fs/cgroup$group/xbuild-test"
    echo "open: /sys/fs/cgroup$group"
  fi
done
echo tried: files
`

const NAMESPACES = `#!/bin/sh
mkdir -p /m /l /u /w
for type in proc sysfs cgroup cgroup2 tmpfs debugfs tracefs securityfs configfs bpf efivarfs mqueue devpts; do
  if mount -t $type x /m 2>/dev/null; then echo "mounted: $type"; fi
  if unshare -Urm mount -t $type x /m 2>/dev/null; then echo "mounted: $type in namespaces of its own"; fi
done
if mount -t overlay -o lowerdir=/l,upperdir=/u,workdir=/w x /m 2>/dev/null; then echo 'mounted: overlay'; fi
if mount -o remount,rw,bind /sys 2>/dev/null; then echo 'mounted: /sys anew'; fi
for path in /sys /proc/sys /proc/keys /dev/null /dev/full; do
  if umount "$path" 2>/dev/null; then echo "mounted: no more $path"; fi
done
for flag in -m -u -i -n -p -U; do
  if unshare $flag true 2>/dev/null; then echo "namespace: unshare $flag"; fi
done
if dmesg >/dev/null 2>&1; then echo 'open: the log of the kernel'; fi
echo tried: namespaces
`

test.each(MODES)('a %s step changes no mount but its own, and nothing that the kernel shows', async (mode) => {
  const files = { Dockerfile: 'FROM busybox\nCOPY *.sh /\n', 'mounts.sh': MOUNTS, 'files.sh': FILES }
  const Dockerfile = `${files.Dockerfile}RUN sh /mounts.sh && sh /files.sh && sh /namespaces.sh\n`
  const { code, stderr } = await sandbox.build(mode, { ...files, Dockerfile, 'namespaces.sh': NAMESPACES })
  expect(code, stderr).toBe(0)
  for (const what of ['mounts', 'files', 'namespaces']) expect(stderr).toContain(`tried: ${what}`)
  expect(stderr.match(/(changed|open|mounted|namespace): .*/g)).toBeNull()
})

test.each(MODES)('a %s step on the network of the machine does not either', async (mode) => {
  const files = { Dockerfile: 'FROM busybox\nCOPY *.sh /\nRUN sh /mounts.sh && sh /files.sh\n' }
  const args = ['--network', 'host']
  const { code, stderr } = await sandbox.build(mode, { ...files, 'mounts.sh': MOUNTS, 'files.sh': FILES }, args)
  expect(code, stderr).toBe(0)
  for (const what of ['mounts', 'files']) expect(stderr).toContain(`tried: ${what}`)
  expect(stderr.match(/(changed|open): .*/g)).toBeNull()
})

test.each(MODES)(
  'a %s step sees no control group above its own, no disk, and no other network device',
  async (mode) => {
    const Dockerfile =
      'FROM busybox\nRUN cat /proc/self/cgroup && echo devices: $(ls /sys/class/net) && echo disks: $(ls /sys/dev/block)\n'
    const { code, stderr } = await sandbox.build(mode, { Dockerfile }, ['--network', 'none'])
    expect(code, stderr).toBe(0)
    const groups = [...stderr.matchAll(/ \d+:[^:\s]*:(\/.*)/g)].map(([, path]) => path)
    expect(new Set(groups)).toEqual(new Set(['/']))
    expect(stderr).toMatch(/devices: lo$/m)
    expect(stderr).toMatch(/disks:$/m)
  },
)
