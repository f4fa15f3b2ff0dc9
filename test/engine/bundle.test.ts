import { expect, test } from 'vitest'
import { runtimeConfig } from '../../src/engine/worker/bundle.ts'
import { kernelFilesFor } from '../../src/engine/worker/kernel-files.ts'

const MOUNTS = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
37 23 0:34 / /sys/new\\040thing rw,relatime - newfs newfs rw
38 23 0:35 /proc/uptime /sys/devices/system/cpu/online rw,relatime - fuse.lxcfs lxcfs rw
39 27 0:36 / /system rw,relatime - tmpfs tmpfs rw
`
const facts = {
  throttles: ['/sys/devices/system/cpu/cpu0/thermal_throttle'],
  mountInfo: MOUNTS,
  isFolder: (path: string) => !path.endsWith('/online'),
}

const spec = {
  rootfs: '/root-fs',
  argv: ['/bin/sh', '-c', 'make'],
  env: ['PATH=/bin'],
  cwd: '/src',
  ids: { uid: 0, gid: 0, additionalGids: [0] },
  hostname: 'buildkitsandbox',
  files: [{ source: '/scratch/hosts', target: '/etc/hosts', runs: false }],
  cgroupNamespace: true,
  name: 'xbuild-step',
}

/** A file system that a later kernel mounts below /sys is covered, too. */
test.each([
  [
    'native',
    {
      network: { path: '/proc/7/ns/net' },
      kernelFiles: kernelFilesFor({ ...facts, inUserNamespace: false, ownsSys: true }),
      cgroup: { parent: '/', controllers: ['memory', 'pids'] },
      resources: { memory: 64 << 20, pids: 100 },
    },
  ],
  [
    'user-namespace',
    { network: 'none', kernelFiles: kernelFilesFor({ ...facts, inUserNamespace: true, ownsSys: true }) },
  ],
  ['bound-sys', { network: 'host', kernelFiles: kernelFilesFor({ ...facts, inUserNamespace: true, ownsSys: false }) }],
] as const)('the whole bundle of a step: %s', async (name, options) => {
  const text = JSON.stringify(runtimeConfig({ ...spec, ...options }), null, 2)
  await expect(`${text}\n`).toMatchFileSnapshot(`../fixtures/bundle/${name}.json`)
})

test('of the files that a step is shown it can run scripts of heredocs alone, as with BuildKit', () => {
  const script = { source: '/scratch/script', target: '/dev/pipes/EOF', runs: true }
  const kernelFiles = kernelFilesFor({ ...facts, inUserNamespace: false, ownsSys: true })
  const { mounts } = runtimeConfig({ ...spec, kernelFiles, files: [...spec.files, script] }) as {
    mounts: { destination: string; options: string[] }[]
  }
  const optionsOf = (path: string) => mounts.find(({ destination }) => destination === path)?.options
  expect(optionsOf('/etc/hosts')).toEqual(['bind', 'ro', 'nosuid', 'nodev', 'noexec'])
  expect(optionsOf('/dev/pipes/EOF')).toEqual(['bind', 'ro', 'nosuid', 'nodev'])
})
