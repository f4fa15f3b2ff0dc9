import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** A running registry; `host` is like `127.0.0.1:41234`, plain http. */
export interface DebianRegistry {
  readonly host: string
  /** The registry's folder: its blobs are under `docker/registry/v2/blobs`. */
  readonly folder: string
  stop(): Promise<void>
}

/**
 * Starts Debian's `docker-registry` on a free loopback port with a fresh folder; with `auth` only that user gets in.
 */
export async function startRegistry(
  options: { auth?: { username: string; password: string } } = {},
): Promise<DebianRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-registry-'))
  try {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const started = await launch(folder, port, options.auth)
      if (typeof started !== 'string') return { host: `127.0.0.1:${port}`, folder, stop: () => stop(started, folder) }
      // Somebody else may have taken the port between our look and the registry's bind
      if (attempt === 3) throw new Error(`docker-registry did not start: ${started}`)
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function launch(
  folder: string,
  port: number,
  auth?: { username: string; password: string },
): Promise<ChildProcess | string> {
  const config = join(folder, 'config.json')
  const users = join(folder, 'htpasswd')
  if (auth) await writeFile(users, `${auth.username}:${bcrypt(auth.password)}\n`)
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
      ...(auth ? { auth: { htpasswd: { realm: 'xbuild tests', path: users } } } : {}),
    }),
  )
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
  child.on('error', (error) => (said += String(error)))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('close', () => process.off('exit', kill))
  const deadline = Date.now() + 30_000
  while (child.exitCode === null && child.signalCode === null && child.pid !== undefined && Date.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer && (answer.status === 200 || answer.status === 401) && child.exitCode === null) return child
    await sleep(50)
  }
  await end(child)
  return said || 'no answer in 30 s'
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  await end(child)
  await rm(folder, { recursive: true, force: true })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await closed
  clearTimeout(timer)
}

/** docker-registry accepts bcrypt only; Debian's perl-base knows it through crypt(3). */
function bcrypt(password: string): string {
  const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  const salt = `${[...randomBytes(21)].map((byte) => alphabet[byte % 64]).join('')}.`
  const script = 'chomp(my $p = <STDIN>); print crypt($p, $ARGV[0])'
  const hash = execFileSync('perl', ['-e', script, `$2y$05$${salt}`], { input: password, encoding: 'utf8' })
  if (!hash.startsWith('$2y$')) throw new Error('This system has no bcrypt in crypt(3)')
  return hash
}
