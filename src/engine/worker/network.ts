import { closeSync, openSync, readFileSync } from 'node:fs'
import { findProgram } from '../../host/files.ts'
import { METADATA_RANGES } from '../../host/http/metadata.ts'
import type { NetworkResult } from '../protocol.ts'
import { holdNetwork, startUntilExit, startUntilReady, type Holder } from './network-programs.ts'
import { externalInterface, forwardedServer, FORWARDED_DNS, type External } from './network-facts.ts'

/** The network namespace that the steps of this worker share, once one of them has asked for it. */
export interface StepNetwork {
  open(): Promise<NetworkResult>
  /** For the configuration of a container; absent while nothing is open. */
  readonly path: string | undefined
  /** The name server that stands for those of the host which only the host itself can reach. */
  readonly nameserver: string | undefined
}

/** slirp4netns answers questions for names there, whatever the host's servers are. */
const SLIRP_DNS = '10.0.2.3'

const INSTALL = 'Install passt (Debian, Ubuntu: apt-get install passt)'
const OPEN_TUN = 'Make it usable: sudo modprobe tun; sudo chmod 666 /dev/net/tun'
const TRY = 'See what it says by itself: pasta --config-net true'

function hostNetwork(reason: string, fix: string): NetworkResult {
  return { kind: 'host', reason, fix, notes: [] }
}

/** Why the device by which the programs connect cannot be opened. */
function closedTun(): string | undefined {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}

/** Prepares the network of a worker; nothing is started until a step asks. */
export function createStepNetwork(): StepNetwork {
  let opening: Promise<NetworkResult> | undefined
  let path: string | undefined
  let nameserver: string | undefined

  async function start(): Promise<NetworkResult> {
    const external = externalInterface(
      (file) => readFileSync(file, 'utf8'), // a kernel without IPv6 has one of the files only
    )
    // Nothing to be connected with: what the runtime makes for a step by itself is as good
    if (!external) return { kind: 'none', notes: [] }
    const [pasta, slirp, ip] = await Promise.all(['pasta', 'slirp4netns', 'ip'].map((name) => findProgram(name)))
    if (!pasta && !slirp) return hostNetwork('neither pasta nor slirp4netns is installed', INSTALL)
    const closed = closedTun()
    if (closed) return hostNetwork(`/dev/net/tun cannot be opened (${closed})`, OPEN_TUN)
    const resolvConf = read('/etc/resolv.conf')
    const failures: string[] = []
    for (const [program, connect] of [
      [pasta, connectPasta],
      [slirp, connectSlirp],
    ] as const) {
      if (!program) continue
      let holder: Holder | undefined
      try {
        holder = await holdNetwork({ lastGroup: lastGroup(), ip, refused: METADATA_RANGES })
        nameserver = await connect({ program, holder, external, forwarded: forwardedServer(resolvConf) })
        const unrefused = await holder.unrefused
        path = holder.path
        return { kind: 'own', notes: unrefused === undefined ? [] : [reachable(unrefused)] }
      } catch (error) {
        holder?.end()
        failures.push(`${program}: ${(error as Error).message}`)
      }
    }
    return hostNetwork(failures.join('; '), TRY)
  }

  return {
    open: () => (opening ??= start()),
    get path() {
      return path
    },
    get nameserver() {
      return nameserver
    },
  }
}

interface Connection {
  readonly program: string
  readonly holder: Holder
  readonly external: External
  /** Family of the host's name server, when steps cannot reach it themselves. */
  readonly forwarded: 4 | 6 | undefined
}

/** It goes into the background when the namespace is connected, and stays for as long as the worker. */
async function connectPasta({ program, holder, external, forwarded }: Connection): Promise<string | undefined> {
  const server = forwarded && FORWARDED_DNS[forwarded]
  await startUntilExit(program, [
    ...['--quiet', '--config-net', '--no-map-gw', '--runas', '0', '--netns-only', '--netns', holder.path],
    ...['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    ...(external.isDefault ? [] : ['--interface', external.name]),
    ...(server ? ['--dns-forward', server] : []),
  ])
  return server
}

async function connectSlirp({ program, holder, forwarded }: Connection): Promise<string | undefined> {
  await startUntilReady(program, [
    ...['--configure', '--mtu=65520', '--disable-host-loopback', '--enable-seccomp', '--ready-fd=3'],
    ...['--netns-type=path', holder.path, 'tap0'],
  ])
  return forwarded && SLIRP_DNS
}

function reachable(why: string): string {
  return `Steps can reach metadata addresses such as 169.254.169.254: ${why}. Install iproute2`
}

/** The last group of the user namespace's first range: a range that ends elsewhere is refused by the kernel. */
function lastGroup(): number {
  const [first = '0', , count = '1'] = read('/proc/self/gid_map').trim().split(/\s+/)
  return first === '0' ? Math.min(Number(count) - 1, 2 ** 31 - 1) : 0
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
