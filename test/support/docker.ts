import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, type Ended } from '../e2e/support/xbuild.ts'
import { groupFolders, removeGroups } from './control-groups.ts'

/** A Docker engine that lives in namespaces of its own: its mounts and processes end with it. */
export interface Docker {
  /** Runs `docker` with these arguments. */
  docker(...args: string[]): Promise<Ended>
  /** Its socket, as this machine sees it. */
  readonly socket: string
  /** A path below the work folder as Docker sees it. */
  inside(path: string): string
  stop(): Promise<void>
}

const WORK = '/mnt'
const SOCKET = '/run/docker.sock'
/** What the names of its control groups begin with; the process id of the tests follows. */
const GROUP = 'xbuild-conformance-'

/** Starts `dockerd` in the Debian of `root`; `work` is the only folder of this machine that it sees, and holds all it writes. */
export async function startDocker(root: string, work: string): Promise<Docker> {
  mkdirSync(work, { recursive: true })
  const group = `${GROUP}${process.pid}`
  const config = {
    'data-root': join(WORK, 'data'), 'exec-root': '/run/docker', pidfile: '/run/docker.pid', hosts: [`unix://${SOCKET}`, `unix://${WORK}/docker.sock`], 'cgroup-parent': `/${group}`,
    // No network of its own: builds use the host's, and nothing of the host's is changed
    bridge: 'none', iptables: false, ip6tables: false, 'ip-forward': false, 'ip-masq': false, 'userland-proxy': false,
    features: { 'containerd-snapshotter': true },
  }
  writeFileSync(join(work, 'daemon.json'), JSON.stringify(config))
  const script = `set -e
    mount --bind "$1" "$1"; cd "$1"
    mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
    mount --bind "$2" .${WORK}
    exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root dockerd --config-file ${WORK}/daemon.json >"$2/dockerd.log" 2>&1`
  // All of it dies with this process, however that ends
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'sh', '-c', script, 'sh', root, work], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    const docker = clientOf(child, work)
    await ready(child, docker, work)
    return {
      docker,
      socket: join(work, 'docker.sock'),
      inside: (path) => join(WORK, relative(work, path)),
      stop: () => end(child, group),
    }
  } catch (error) {
    await end(child, group)
    throw error
  }
}

function clientOf(child: ChildProcess, work: string): Docker['docker'] {
  return async (...args) => {
    const pid = daemonOf(child)
    if (pid === undefined) throw new Error(`dockerd ended: see ${work}/dockerd.log`)
    const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'NO_COLOR=1', `DOCKER_HOST=unix://${SOCKET}`]
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

/** Removes what tests that were killed left behind: their work folders in `cache`, called `work-PID`, and control groups. */
export function removeLeftovers(cache: string): void {
  const isDead = (pid: string) => /^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    if (name.startsWith('work-') && isDead(name.slice(5))) rmSync(join(cache, name), { recursive: true, force: true })
  }
  const groups = groupFolders().flatMap((folder) => readdirSync(folder)).filter((name) => name.startsWith(GROUP) && isDead(name.slice(GROUP.length)))
  for (const group of new Set(groups)) removeGroups(group)
}
