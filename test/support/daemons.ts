import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ARCHITECTURES, binfmtRegistration } from '../../src/emulation/architectures.ts'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { removeGroups } from './control-groups.ts'
import { freePort } from './free-port.ts'
import { NO_NETWORK } from './no-network.ts'

/** A daemon in a folder and in namespaces of its own: its mounts and processes end with it. */
export interface Daemon {
  /** Like `unix:///tmp/.../engine.sock`. */
  readonly endpoint: string
  /** Its socket. */
  readonly socket: string
  readonly folder: string
  /** The process of the daemon itself. */
  readonly pid: number
  /** What it logged so far. */
  log(): string
  /** Ends it in good order and removes its folder. */
  stop(): Promise<void>
  /** The machine loses power: the daemon and all it started are gone at once. Its folder stays until `stop`. */
  kill(): Promise<void>
  /** SIGSTOP: connections are accepted by the kernel, and nothing answers. */
  freeze(): void
  thaw(): void
}

/** A `dockerd`, and how it is reached over TLS when that was wanted. */
export interface Dockerd extends Daemon {
  /** Like `tcp://127.0.0.1:41234`; `certificates` holds ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH does. */
  readonly tls?: { readonly endpoint: string; readonly certificates: string }
}

/** Starts Debian's `dockerd`, without any network of its own: builds need `--network=host`. */
export async function startDockerd(
  options: {
    /** Listens on a loopback port as well, and lets in only whoever has a certificate of the test's own authority. */
    readonly tls?: boolean
    /** More settings of daemon.json. */
    readonly config?: Readonly<Record<string, unknown>>
  } = {},
): Promise<Dockerd> {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-dockerd-'))
  const socket = join(folder, 'engine.sock')
  const port = options.tls ? await freePort() : 0
  const certificates = options.tls ? makeCertificates(join(folder, 'certificates')) : undefined
  const group = `xbuild-test-${process.pid}-${folder.slice(-6)}`
  const config = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'pid'),
    'cgroup-parent': `/${group}`,
    hosts: [`unix://${socket}`, ...(certificates ? [`tcp://127.0.0.1:${port}`] : [])],
    ...(certificates
      ? {
          tlsverify: true,
          tlscacert: join(certificates, 'ca.pem'),
          tlscert: join(certificates, 'server-cert.pem'),
          tlskey: join(certificates, 'server-key.pem'),
        }
      : {}),
    ...NO_NETWORK,
    ...options.config,
  }
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(config))
  const program = ['dockerd', '--config-file', join(folder, 'daemon.json'), '--group', String(process.getgid?.() ?? 0)]
  const daemon = await startDaemon(folder, socket, program, () => removeGroups(group))
  return { ...daemon, ...(certificates ? { tls: { endpoint: `tcp://127.0.0.1:${port}`, certificates } } : {}) }
}

/**
 * Starts Podman's service with the API of Docker: an engine without BuildKit. `emulates` are the architectures whose
 * programs QEMU runs there,
 * by handlers that nobody else sees: root alone can have that.
 */
export async function startPodman({ emulates = [] }: { readonly emulates?: readonly string[] } = {}): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-podman-'))
  const socket = join(folder, 'engine.sock')
  // Podman refuses to pull without a policy, and finds none where only the program itself is installed
  writeFileSync(join(folder, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  writeFileSync(join(folder, 'registries.conf'), '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
  // It asks for more than a root without all capabilities may give
  const limits = [
    ['nofile', 'n', 1024],
    ['nproc', 'u', 4096],
  ].map(([name, flag, most]) => {
    const limit = Math.min(
      Number(most),
      Number(execFileSync('bash', ['-c', `ulimit -H${flag} | sed s/unlimited/${most}/`], { encoding: 'utf8' })),
    )
    return `"${name}=${limit}:${limit}"`
  })
  writeFileSync(
    join(folder, 'containers.conf'),
    `[containers]\ndefault_ulimits = [${limits.join(', ')}]\n[engine]\nruntime = "runc"\n`,
  )
  const program = [
    'env',
    `CONTAINERS_CONF=${join(folder, 'containers.conf')}`,
    `CONTAINERS_REGISTRIES_CONF=${join(folder, 'registries.conf')}`,
    `TMPDIR=${join(folder, 'tmp')}`,
    `HOME=${folder}`,
    'PODMAN_IGNORE_CGROUPSV1_WARNING=1',
    // In the user namespace that has the handlers, overlays need an option that Podman does not give
    'podman',
    ...(emulates.length > 0 ? ['--storage-driver', 'vfs'] : []),
    '--root',
    join(folder, 'root'),
    '--runroot',
    join(folder, 'run'),
    '--tmpdir',
    join(folder, 'libpod'),
    '--cgroup-manager',
    'cgroupfs',
    '--events-backend',
    'file',
    'system',
    'service',
    '--time=0',
    `unix://${socket}`,
  ]
  mkdirSync(join(folder, 'tmp'))
  mkdirSync(join(folder, '.config/containers'), { recursive: true })
  writeFileSync(join(folder, '.config/containers/policy.json'), readFileSync(join(folder, 'policy.json')))
  const emulators = await findEmulators(
    process.env,
    ARCHITECTURES.filter(({ name }) => emulates.includes(name)),
  )
  const handlers = emulators.map(({ architecture, path }) =>
    binfmtRegistration(ARCHITECTURES.find(({ name }) => name === architecture)!, path),
  )
  return startDaemon(folder, socket, program, () => undefined, handlers)
}

/** An ssh server, and the environment in which `ssh` knows it: its key, our key, its port. */
export interface Sshd {
  /** For endpoints: `ssh://${host}`. */
  readonly host: string
  /** PATH with an `ssh` that has the test's own configuration in front. */
  readonly env: Readonly<Record<'PATH', string>>
  /** File of the key that may log in. */
  readonly userKey: string
  readonly pid: number
  stop(): Promise<void>
}

/**
 * Starts Debian's `sshd` on a loopback port for the user who runs the tests. `path` is where logins find programs,
 * `forwards` whether the
 * server itself connects to sockets for them.
 */
export async function startSshd({
  path = '/usr/sbin:/usr/bin:/sbin:/bin',
  forwards = true,
}: {
  readonly path?: string
  readonly forwards?: boolean
} = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'xbuild-sshd-'))
  const file = (name: string, text?: string) => {
    if (text !== undefined) writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)])
  const port = await freePort()
  const publicKey = (name: string) =>
    readFileSync(`${file(name)}.pub`, 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ')
  file('authorized_keys', `${publicKey('user_key')}\n`)
  file('known_hosts', `[127.0.0.1]:${port} ${publicKey('host_key')}\n`)
  file(
    'sshd_config',
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host_key')}`,
      `AuthorizedKeysFile ${file('authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      'UseDNS no',
      `SetEnv PATH=${path}`,
      `AllowStreamLocalForwarding ${forwards ? 'yes' : 'no'}`,
      '',
    ].join('\n'),
  )
  const settings = [
    'Host xbuild-test-host',
    ' HostName 127.0.0.1',
    ` Port ${port}`,
    `Host *`,
    ` IdentityFile ${file('user_key')}`,
    ' IdentitiesOnly yes',
    ` UserKnownHostsFile ${file('known_hosts')}`,
    ' StrictHostKeyChecking yes',
    '',
  ]
  file('ssh_config', settings.join('\n'))
  mkdirSync(file('bin'))
  const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim()
  writeFileSync(join(folder, 'bin/ssh'), `#!/bin/sh\nexec ${ssh} -F ${file('ssh_config')} "$@"\n`, { mode: 0o755 })
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }) // sshd itself insists on it
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = lastWords(child)
  await listening(child, `a connection to port ${port}`, said, () => answers(port))
  return {
    host: `127.0.0.1:${port}`,
    env: { PATH: [join(folder, 'bin'), process.env['PATH'] ?? ''].join(delimiter) },
    userKey: file('user_key'),
    pid: child.pid!,
    async stop() {
      await end(child, () => child.kill('SIGTERM'))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

// All of it dies with this process, however that ends; sockets of shims stay out of /run
const ISOLATED = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--propagation',
  'private',
]
const START = 'if mkdir -p /run/containerd; then mount -t tmpfs tmpfs /run/containerd; fi; exec "$@"'

async function startDaemon(
  folder: string,
  socket: string,
  program: readonly string[],
  clean: () => void,
  handlers: readonly string[] = [],
): Promise<Daemon> {
  const log = join(folder, 'log')
  const child = handlers.length > 0 ? isolatedWith(handlers, log, program) : isolated(log, program)
  const said = () => readFileSync(log, 'utf8').split('\n').slice(-15).join('\n')
  await listening(child, `an answer on ${socket}`, said, async () => {
    // Podman lets in only the user it runs as
    if (process.getuid?.() !== 0) execFileSync('sh', ['-c', 'sudo -n chmod 666 "$1" 2>/dev/null || true', 'sh', socket])
    return pings(socket)
  })
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0])
  const send = (signal: NodeJS.Signals) => {
    if (process.getuid?.() === 0) process.kill(pid, signal)
    else execFileSync('sudo', ['-n', 'kill', `-${signal.slice(3)}`, String(pid)])
  }
  return {
    endpoint: `unix://${socket}`,
    socket,
    folder,
    pid,
    log: () => readFileSync(log, 'utf8'),
    kill: () => end(child, () => send('SIGKILL')),
    freeze: () => send('SIGSTOP'),
    thaw: () => send('SIGCONT'),
    async stop() {
      await end(
        child,
        () => {
          send('SIGCONT')
          send('SIGTERM')
        },
        () => send('SIGKILL'),
      )
      clean()
      if (process.getuid?.() === 0) rmSync(folder, { recursive: true, force: true })
      else execFileSync('sudo', ['-n', 'rm', '-rf', folder])
    },
  }
}

function isolated(log: string, program: readonly string[]): ChildProcess {
  const argv = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), ...ISOLATED, 'sh', '-c', START, 'sh', ...program]
  return spawn('sh', ['-c', 'log=$1; shift; exec "$@" >>"$log" 2>&1', 'sh', log, ...argv], { stdio: 'ignore' })
}

/**
 * Waits for its ids, then registers $1 handlers, given as the next arguments, that are seen in this user namespace
 * alone.
 */
const EMULATING = `read -r go; exec ${ISOLATED.join(' ')} -- sh -c 'mount -t tmpfs tmpfs /run; mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
n=$1; shift; while [ $n -gt 0 ]; do printf %s "$1" >/proc/sys/fs/binfmt_misc/register; shift; n=$((n - 1)); done; exec "$@"' sh "$@" </dev/null`

function isolatedWith(handlers: readonly string[], log: string, program: readonly string[]): ChildProcess {
  const fd = openSync(log, 'a')
  const child = spawn(
    'unshare',
    ['--user', '--', 'sh', '-c', EMULATING, 'sh', String(handlers.length), ...handlers, ...program],
    { stdio: ['pipe', fd, fd] },
  )
  closeSync(fd)
  // With all ids mapped, runc would not see that it may make no devices. The map can be written once `unshare` has
  // made the namespace
  execFileSync('sh', [
    '-c',
    'until [ "$(readlink /proc/$1/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done; for map in uid_map gid_map; do echo 0 0 65536 >/proc/$1/$map; done',
    'sh',
    String(child.pid),
  ])
  child.stdin!.end('go\n')
  return child
}

async function listening(
  child: ChildProcess,
  what: string,
  said: () => string,
  isUp: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 60_000
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    if (await isUp()) return
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`Waited for ${what} in vain:\n${said()}`)
}

async function pings(socket: string): Promise<boolean> {
  const { request } = await import('node:http')
  return new Promise((resolve) => {
    const asked = request({ socketPath: socket, path: '/_ping', timeout: 2000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked
      .on('timeout', () => asked.destroy())
      .on('error', () => resolve(false))
      .end()
  })
}

async function answers(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
      .on('error', () => resolve(false))
      .on('connect', () => socket.destroy())
  })
}

function lastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-4000)))
  return () => text
}

async function end(
  child: ChildProcess,
  ask: () => void,
  force: () => void = () => child.kill('SIGKILL'),
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  ask()
  const timer = setTimeout(force, 15_000)
  await closed
  clearTimeout(timer)
}

/** An authority, a certificate of 127.0.0.1 for the server, and one for the client, by openssl. */
function makeCertificates(folder: string): string {
  mkdirSync(folder)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-days',
    '30',
    '-subj',
    '/CN=xbuild tests authority',
  )
  for (const [name, cert, keyFile, extensions] of [
    [
      '127.0.0.1',
      'server-cert.pem',
      'server-key.pem',
      'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n',
    ],
    ['xbuild tests', 'cert.pem', 'key.pem', 'extendedKeyUsage=clientAuth\n'],
  ] as const) {
    writeFileSync(join(folder, 'extensions'), extensions)
    openssl('req', ...key, '-keyout', keyFile, '-out', 'request.pem', '-subj', `/CN=${name}`)
    openssl(
      'x509',
      '-req',
      '-in',
      'request.pem',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca-key.pem',
      '-CAcreateserial',
      '-out',
      cert,
      '-days',
      '30',
      '-extfile',
      'extensions',
    )
  }
  return folder
}
