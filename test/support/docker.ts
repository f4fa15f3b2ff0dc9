import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, type Ended } from '../e2e/support/xbuild.ts'
import { groupFolders, removeGroups } from './control-groups.ts'
import { NO_NETWORK } from './no-network.ts'

/** A Docker engine that lives in namespaces of its own: its mounts and processes end with it. */
export interface Docker {
  /** Runs `docker` with these arguments. */
  docker(...args: string[]): Promise<Ended>
  /** Its socket, as this machine sees it. */
  readonly socket: string
  /** A path below the work folder as Docker sees it. */
  inside(path: string): string
  /**
   * Runs a program of this machine where the engine's handlers for programs of other CPUs are; only with handlers of
   * its own.
   */
  onItsMachine(...command: string[]): Promise<Ended>
  stop(): Promise<void>
}

const WORK = '/mnt'
const SOCKET = '/run/docker.sock'
/** What the names of its control groups begin with; the process id of the tests follows. */
const GROUP = 'xbuild-conformance-'

/**
 * Starts `dockerd` in the Debian of `root`; `work` is the only folder of this machine that it sees, and holds all it
 * writes. With handlers
 * of its own it runs in a user namespace (Linux 6.7): none is registered for it, and what is registered is seen by
 * nobody else.
 * Its steps then have no host network.
 */
export async function startDocker(root: string, work: string, { ownHandlers = false } = {}): Promise<Docker> {
  mkdirSync(work, { recursive: true })
  const group = `${GROUP}${process.pid}`
  const config = {
    'data-root': join(WORK, 'data'),
    'exec-root': '/run/docker',
    pidfile: '/run/docker.pid',
    hosts: [`unix://${SOCKET}`, `unix://${WORK}/docker.sock`],
    'cgroup-parent': `/${group}`,
    ...NO_NETWORK,
    features: { 'containerd-snapshotter': true },
  }
  writeFileSync(join(work, 'daemon.json'), JSON.stringify(config))
  const script = `set -e
    mount --bind "$1" "$1"; cd "$1"
    mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
    mount --bind "$2" .${WORK}
    ${ownHandlers ? OWN_HANDLERS : ''}
    exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root dockerd --config-file ${WORK}/daemon.json >"$2/dockerd.log" 2>&1`
  // All of it dies with this process, however that ends
  const isolated = [
    'setpriv',
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    root,
    work,
  ]
  const [file, ...args] = ownHandlers ? ['unshare', '--user', 'sh', '-c', MAPPED, ...isolated] : isolated
  const child = spawn(file!, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    if (ownHandlers) await mapIds(child)
    const docker = clientOf(child, work)
    await ready(child, docker, work)
    return {
      docker,
      socket: join(work, 'docker.sock'),
      inside: (path) => join(WORK, relative(work, path)),
      onItsMachine: (...command) =>
        run('nsenter', ['--target', daemonOf(child) ?? '', '--user', '--mount', '--', ...command]),
      stop: () => end(child, group),
    }
  } catch (error) {
    await end(child, group)
    throw error
  }
}

/** Inside: what registers handlers there must change nothing of this machine. */
const OWN_HANDLERS = `for folder in /proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc; do mount -t binfmt_misc binfmt_misc $folder; done
    mkdir -p /etc/binfmt.d; mount -t tmpfs tmpfs /etc/binfmt.d; mount -t tmpfs tmpfs /var/lib`
/** Waits until it is somebody in its user namespace. */
const MAPPED = 'until grep -q . /proc/self/uid_map; do sleep 0.02; done; exec "$0" "$@"'
/** All ids but the last: with all of them it would look like the first user namespace to runc. */
const ALL_IDS = '0 0 4294967294'

async function mapIds(child: ChildProcess): Promise<void> {
  const userOf = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/user`)
  while (child.exitCode === null && userOf(child.pid!) === userOf('self')) await sleep(10)
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, ALL_IDS)
}

function clientOf(child: ChildProcess, work: string): Docker['docker'] {
  return async (...args) => {
    const pid = daemonOf(child)
    if (pid === undefined) throw new Error(`dockerd ended: see ${work}/dockerd.log`)
    const env = [
      'env',
      '-i',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
      'NO_COLOR=1',
      `DOCKER_HOST=unix://${SOCKET}`,
    ]
    return run('nsenter', ['--target', pid, '--mount', '--root', `--wd=${WORK}`, '--', ...env, 'docker', ...args])
  }
}

/** `unshare` has one child: the daemon. */
function daemonOf(child: ChildProcess): string | undefined {
  const file = `/proc/${child.pid}/task/${child.pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ')[0] || undefined : undefined
}

async function ready(child: ChildProcess, docker: Docker['docker'], work: string): Promise<void> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline && child.exitCode === null) {
    await sleep(200)
    if (daemonOf(child) !== undefined && (await docker('version')).code === 0) return
  }
  const log = existsSync(join(work, 'dockerd.log')) ? readFileSync(join(work, 'dockerd.log'), 'utf8') : ''
  throw new Error(`dockerd did not start:\n${log.split('\n').slice(-15).join('\n')}`)
}

async function end(child: ChildProcess, group: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = once(child, 'close')
    const pid = daemonOf(child)
    if (pid !== undefined) process.kill(Number(pid), 'SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await closed
    clearTimeout(timer)
  }
  removeGroups(group)
}

/**
 * Removes what tests that were killed left behind: their work folders in `cache`, called `work-PID`, `work-NAME-PID` or
 * `work-NAME-PID-NUMBER`, and control groups.
 */
export function removeLeftovers(cache: string): void {
  const isDead = (pid: string) => /^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    const pid = /^work-(?:[a-z]+-)*(\d+)(?:-\d+)?$/.exec(name)?.[1]
    if (pid !== undefined && isDead(pid)) rmSync(join(cache, name), { recursive: true, force: true })
  }
  const groups = groupFolders()
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(GROUP) && isDead(name.slice(GROUP.length)))
  for (const group of new Set(groups)) removeGroups(group)
}
