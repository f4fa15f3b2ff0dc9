import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { CLEAN, leftovers } from '../e2e/support/leftovers.ts'
import { program, tempFolder } from '../e2e/support/places.ts'
import { run } from '../e2e/support/xbuild.ts'
import { createSandbox } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/** crun refuses the hybrid hierarchy of control groups: it is shown the one of version 1 alone, or of version 2. */
async function build(Dockerfile: string, args: readonly string[], shown: 'version 1' | 'version 2' = 'version 1') {
  const context = writeFiles(mkdtempSync(join(folder, 'context-')), { Dockerfile })
  const base = await baseLayout('busybox')
  const flags = ['--progress', 'plain', '--no-cache', '--build-context', `busybox=oci-layout://${base}`, ...args]
  const change =
    shown === 'version 1' ? 'umount /sys/fs/cgroup/unified 2>/dev/null' : 'mount -t cgroup2 none /sys/fs/cgroup'
  const script = `${change}; exec "$@"`
  const command = ['--mount', 'sh', '-c', script, 'sh', process.execPath, program, ...flags, context]
  return run('unshare', command, { store: join(folder, 'store'), cwd: folder })
}

/** A disk of this machine. */
function disk(): { readonly major: string; readonly minor: string } {
  const [, major, minor] = /^ *(\d+) +(\d+) +[1-9]\d* /m.exec(readFileSync('/proc/partitions', 'utf8')) ?? []
  if (major === undefined || minor === undefined) throw new Error('This machine has no disk to try it with')
  return { major, minor }
}

test.each(['runc', 'crun'])('a native step of %s reads no disk, and has the usual devices', async (runtime) => {
  const { major, minor } = disk()
  const Dockerfile = `FROM busybox
RUN mknod /disk b ${major} ${minor} && ls -l /disk && if head -c 1 /disk >/dev/null; then echo disk is open; else echo disk is closed; fi
RUN mknod /none c 1 3 && echo text >/none && mknod /zeros c 1 5 && head -c 3 /zeros | wc -c | sed 's/^/zeros: /'
RUN echo text >/dev/null && head -c 3 /dev/urandom | wc -c | sed 's/^/random: /'
RUN mknod /memory c 1 1 && if head -c 1 /memory >/dev/null; then echo memory is open; else echo memory is closed; fi
RUN mknod /log c 1 11 && if (: >>/log); then echo log is open; else echo log is closed; fi
RUN mknod /console c 5 1 && if (: >>/console); then echo console is open; else echo console is closed; fi
`
  const { code, stderr } = await build(Dockerfile, ['--oci-runtime', runtime])
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/#\d+ [\d.]+ disk is closed/)
  expect(stderr).toMatch(/#\d+ [\d.]+ memory is closed/)
  expect(stderr).toMatch(/#\d+ [\d.]+ log is closed/)
  expect(stderr).toMatch(/#\d+ [\d.]+ console is closed/)
  expect(stderr).toMatch(/#\d+ [\d.]+ zeros: 3/)
  expect(stderr).toMatch(/#\d+ [\d.]+ random: 3/)
})

test('the container that tries the rules for devices has no copies of the mounts of steps', async () => {
  const runtime = join(folder, 'watched')
  const seen = join(folder, 'seen')
  writeFileSync(runtime, `#!/bin/sh\ngrep -o '/rootfs[/ ].*' /proc/self/mountinfo >> ${seen}\nexec runc "$@"\n`, {
    mode: 0o755,
  })
  // A new store: the rules of a runtime are tried once
  const { code, stderr } = await build('FROM busybox\nRUN true\n', [
    '--oci-runtime',
    runtime,
    '--store',
    `${folder}/new`,
  ])
  expect(code, stderr).toBe(0)
  const mounts = readFileSync(seen, 'utf8').split('\n').filter(Boolean)
  expect(mounts.length).toBeGreaterThan(0)
  // Those of steps lie below a folder for temporary files, as /proc lies below the root
  expect(mounts.filter((line) => !/^\/rootfs(?:\/(?:usr|bin|sbin|lib|nix|gnu)\S*)? /.test(line))).toEqual([])
})

/** A runtime that opens the machine's console to each container, as crun does: with version 2 that takes CAP_SYS_RESOURCE. */
const OPENING = `#!${process.execPath}
const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2)
if (args[0] === '--version') {
  console.log('opening version 1')
  process.exit(0)
}
const bundle = args.indexOf('--bundle')
if (bundle !== -1) {
  const file = args[bundle + 1] + '/config.json'
  const config = JSON.parse(readFileSync(file, 'utf8'))
  config.linux.resources.devices.push({ allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' })
  writeFileSync(file, JSON.stringify(config))
}
process.exit(spawnSync('runc', args, { stdio: 'inherit' }).status ?? 1)
`

test.each(['version 1', 'version 2'] as const)(
  "a runtime that opens the machine's console does not open it to a native step, with %s of control groups",
  async (version) => {
    // Its name says nothing of what it is
    const runtime = join(folder, 'opening-runc')
    writeFileSync(runtime, OPENING, { mode: 0o755 })
    const Dockerfile = `FROM busybox
RUN mknod /console c 5 1 && if (: >>/console); then echo console is open; else echo console is closed; fi
RUN mknod /log c 1 11 && if (: >>/log); then echo log is open; else echo log is closed; fi
RUN echo text >/dev/null && head -c 3 /dev/urandom | wc -c | sed 's/^/random: /'
`
    const { code, stderr } = await build(Dockerfile, ['--oci-runtime', runtime], version)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/#\d+ [\d.]+ console is closed/)
    expect(stderr).toMatch(/#\d+ [\d.]+ log is closed/)
    expect(stderr).toMatch(/#\d+ [\d.]+ random: 3/)
  },
)

/** A runtime that knows nothing of rules for devices. */
const CARELESS = `#!${process.execPath}
const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2)
const bundle = args.indexOf('--bundle')
if (bundle !== -1) {
  const file = args[bundle + 1] + '/config.json'
  const config = JSON.parse(readFileSync(file, 'utf8'))
  if (config.linux.resources) delete config.linux.resources.devices
  writeFileSync(file, JSON.stringify(config))
}
process.exit(spawnSync('crun', args, { stdio: 'inherit' }).status ?? 1)
`

test('a native step of a runtime without device rules makes no nodes, and opens none', async () => {
  const runtime = join(folder, 'careless')
  writeFileSync(runtime, CARELESS, { mode: 0o755 })
  const nodes = ['FROM busybox AS nodes', 'RUN mknod /log c 1 11 && chmod 666 /log']
  // Made by a runtime that has rules, as an image could bring it
  const first = await build([...nodes, ''].join('\n'), ['--oci-runtime', 'crun', '-o', `type=oci,dest=${folder}/nodes`])
  expect(first.code, first.stderr).toBe(0)
  const Dockerfile = `FROM nodes
RUN if [ "$(stat -c %t:%T /log)" = 1:b ] && (: >>/log); then echo log of image is open; else echo log of image is closed; fi
RUN ln /log /dev/../other; mv /log /other; if [ "$(stat -c %t:%T /other)" = 1:b ]; then echo log is elsewhere; else echo log stays; fi
RUN --mount=from=nodes,target=/m,rw if (: >>/m/log); then echo log of mount is open; else echo log of mount is closed; fi
RUN for folder in / /dev /dev/shm; do if mknod $folder/log2 c 1 11; then echo made in $folder; fi; done; echo text >/dev/null && echo null works
`
  const args = ['--oci-runtime', runtime, '--build-context', `nodes=oci-layout://${folder}/nodes`]
  const { code, stderr } = await build(Dockerfile, args)
  expect(code, stderr).toBe(0)
  expect(stderr).toContain(`${runtime} does not restrict devices`)
  expect(stderr).toMatch(/#\d+ [\d.]+ log of image is closed/)
  expect(stderr).toMatch(/#\d+ [\d.]+ log stays/)
  expect(stderr).toMatch(/#\d+ [\d.]+ log of mount is closed/)
  expect(stderr).not.toMatch(/#\d+ [\d.]+ made in/)
  expect(stderr).toMatch(/#\d+ [\d.]+ null works/)
})

test.each(['runc', 'crun'])('a native step of %s with a fork bomb ends with an error of the step', async (runtime) => {
  const Dockerfile = 'FROM busybox\nRUN for i in $(seq 200); do sleep 20 & done; echo all are started\n'
  const ended = await build(Dockerfile, ['--oci-runtime', runtime, '--resource', 'pids=50'])
  expect(ended.code).toBe(1)
  expect(ended.stderr).toMatch(/can't fork|Resource temporarily unavailable/)
  expect(ended.stderr).not.toMatch(/#\d+ [\d.]+ all are started/)
})

test('an emulated step that root starts is limited like a native one', async () => {
  const bomb = 'FROM busybox\nRUN for i in $(seq 200); do sleep 20 & done; echo all are started\n'
  const ended = await sandbox.build('emulated', { Dockerfile: bomb }, ['--resource', 'pids=50'])
  expect(ended.code).toBe(1)
  expect(ended.stderr).not.toMatch(/#\d+ [\d.]+ all are started/)
  const eater = 'FROM busybox\nRUN tail /dev/zero; echo "status $?"\n'
  const { code, stderr } = await sandbox.build('emulated', { Dockerfile: eater }, [
    '--resource',
    'memory=64m,memory-swap=64m',
  ])
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/#\d+ [\d.]+ status 137/)
})

test('rootless steps without a delegated control group cannot be limited, which is said before any runs', async () => {
  const Dockerfile = 'FROM busybox\nRUN echo it runs\n'
  const limits = ['--resource', 'memory=64m,cpuset-cpus=0,pids=9']
  const { code, stderr } = await sandbox.build('rootless', { Dockerfile }, limits)
  expect(code).toBe(1)
  expect(stderr).toContain('Cannot limit memory, cpuset-cpus, pids of steps without root')
  expect(stderr).toContain('Delegate=yes')
  expect(stderr).not.toMatch(/#\d+ [\d.]+ it runs/)
})

/** The kernel has no more numbers for processes than these. */
function quarterOfMachine(): number {
  return Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) / 4
}

test('a rootless step has a limit of processes, and may be given a lower one', async () => {
  const limit = 'FROM busybox\nRUN echo "limit $(ulimit -u)"\n'
  const usual = await sandbox.build('rootless', { Dockerfile: limit })
  expect(usual.code, usual.stderr).toBe(0)
  expect(Number(/#\d+ [\d.]+ limit (\d+)/.exec(usual.stderr)?.[1])).toBeLessThanOrEqual(quarterOfMachine())
  const Dockerfile = `${limit}RUN for i in $(seq 200); do sleep 20 & done; echo all are started\n`
  const { code, stderr } = await sandbox.build('rootless', { Dockerfile }, ['--ulimit', 'nproc=100:100'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/#\d+ [\d.]+ limit 100/)
  expect(stderr).not.toMatch(/#\d+ [\d.]+ all are started/)
})

test('a native step gets no more memory than it is given', async () => {
  const Dockerfile = 'FROM busybox\nRUN tail /dev/zero; echo "status $?"\n'
  const { code, stderr } = await build(Dockerfile, ['--resource', 'memory=32m,memory-swap=32m,cpu-shares=512'])
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/#\d+ [\d.]+ status 137/)
})

test('what cannot be unmounted stays, and nothing is removed through it', async () => {
  // On a version of Node that removes through mounts this would be the root file system
  const bin = writeFiles(join(folder, 'bin'), {
    umount: '#!/bin/sh\ncase "$*" in */rootfs*) exit 1 ;; esac\nexec /bin/umount "$@"\n',
  })
  chmodSync(join(bin, 'umount'), 0o755)
  const store = join(folder, 'stays')
  const path = `${bin}:${process.env['PATH']}`
  // With nothing known of the machine, whose runtime is tried in a folder where its root is mounted
  const env = { PATH: path, XDG_CACHE_HOME: join(folder, 'stays-cache') }
  const build = () =>
    run(process.execPath, [program, 'build', '--store', store, ...base, context], { cwd: folder, env })
  const context = writeFiles(join(folder, 'stays-context'), { Dockerfile: 'FROM busybox\nRUN true\n' })
  const base = ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`]
  const { code, stderr } = await build()
  expect(code, stderr).toBe(0)
  // One for each runtime that was tried
  expect(readdirSync(join(store, 'tmp'))).not.toEqual([])
  expect((await build()).code).toBe(0)
  expect(await leftovers(store)).toEqual(CLEAN)
})
