import { execFile, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'
import { ARCHITECTURES, binfmtRegistration } from '../../src/emulation/architectures.ts'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { hasPrivateBinfmt } from '../../src/emulation/namespace-errors.ts'
import { spawnInNamespace } from '../../src/emulation/namespace.ts'
import { PROBE_STATUS, probeProgram } from '../../src/emulation/probe-program.ts'
import type { Node } from '../../src/plan/types.ts'
import { formatPlatform } from '../../src/platform.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { root, tempFolder } from './support/places.ts'

const execute = promisify(execFile)
const folder = tempFolder()
const user = ordinaryUser(folder)
const program = join(folder, 'enter.mjs')
const probes = join(folder, 'probes')
const asRoot = process.getuid?.() === 0
const emulators = await findEmulators(process.env)
const own = process.arch === 'arm64' ? ['arm64', 'arm'] : ['amd64', '386']
const foreign = emulators.filter(({ architecture }) => !own.includes(architecture))

const old = hasPrivateBinfmt(release()) ? undefined : `Linux ${release()} is older than 6.7`
const why = old ?? (asRoot ? undefined : 'not root')
if (old) console.warn(`Skipped: handlers of their own: ${old}`)
else if (why) console.warn(`Skipped: namespaces as root: ${why}`)

beforeAll(async () => {
  await build({
    entryPoints: [join(root, 'test/fixtures/emulation/enter.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['execa'],
  })
  mkdirSync(probes)
  for (const architecture of ARCHITECTURES)
    writeFileSync(join(probes, architecture.name), probeProgram(architecture), { mode: 0o755 })
  for (const path of [folder, probes, program]) chmodSync(path, 0o755)
})

interface Answer {
  readonly stdout: string
  readonly stderr: string
  readonly status: unknown
  readonly note?: { readonly reason: string }
  readonly message?: string
  readonly [key: string]: unknown
}

const WHO = {
  'root-native': enterAsRoot,
  'root-emulate': enterAsRoot,
  rootless: (args: readonly string[]) => user.run(process.execPath, [program, ...args]).then(({ stdout }) => stdout),
} as const
type Kind = keyof typeof WHO
const KINDS = (asRoot ? ['root-native', 'root-emulate', 'rootless'] : ['rootless']) as Kind[]

async function enterAsRoot(args: readonly string[]): Promise<string> {
  return (await execute(process.execPath, [program, ...args])).stdout
}

async function enter(kind: Kind, ...args: string[]): Promise<Answer> {
  const stdout = await WHO[kind](args)
  return JSON.parse(stdout) as Answer
}

test.each(foreign)('the probe program of $architecture runs under $path', async ({ architecture, path }) => {
  const status = await new Promise((resolve) => spawn(path, [join(probes, architecture)]).once('exit', resolve))
  expect(status).toBe(PROBE_STATUS)
})

describe.skipIf(old !== undefined).each(KINDS)('%s', (kind) => {
  test('starts a program as pid 1, passes its streams and status on', async () => {
    const script = 'echo "$$ $(id -u)"; echo oops >&2; exit 7'
    expect(await enter(kind, 'run', kind, '/bin/sh', '-c', script)).toEqual({
      stdout: '1 0\n',
      stderr: 'oops\n',
      status: 7,
    })
  })

  test('shows only what is inside in /proc', async () => {
    const { stdout } = await enter(kind, 'run', kind, '/bin/sh', '-c', 'echo /proc/[0-9]*')
    expect(stdout.trim().split(' ')).toEqual(['/proc/1'])
  })

  // Without handlers of its own a namespace has those of the host, whatever they are
  if (kind !== 'root-native') {
    test('runs programs of every architecture that has an emulator', async () => {
      const names = foreign.map(({ architecture }) => architecture)
      const script = `for name in ${names.join(' ')}; do ${probes}/$name; echo $name $?; done`
      const { stdout } = await enter(kind, 'run', kind, '/bin/sh', '-c', script)
      expect(stdout.trim().split('\n')).toEqual(names.map((name) => `${name} ${PROBE_STATUS}`))
    })
  }

  test('registers nothing on the host', async () => {
    const before = hostHandlers()
    await enter(kind, 'run', kind, '/bin/true')
    expect(hostHandlers()).toEqual(before)
  })

  test('keeps mounts from the host', async () => {
    await enter(kind, 'run', kind, '/bin/sh', '-c', `mount -t tmpfs none ${probes} && touch ${probes}/inside`)
    expect(existsSync(join(probes, 'inside'))).toBe(false)
    // Other tests mount beside this one, so only mounts at and below the folder of the probes count
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(` ${probes}`)
  })

  test('speaks with a node program by messages', async () => {
    expect(await enter(kind, 'ipc', kind)).toEqual({ heard: { message: 'hello', pid: 1 }, status: 0 })
  })

  test('tells a program that is not there by status 127', async () => {
    const { stderr, status } = await enter(kind, 'run', kind, '/no/such/program')
    expect(status).toBe(127)
    expect(stderr).toContain('/no/such/program')
  })

  test('dies as a whole when the process that started it is killed', async () => {
    const command = kind === 'rootless' && asRoot ? await userCommand() : [process.execPath]
    const parent = spawn(command[0]!, [...command.slice(1), program, 'hold', kind], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: folder,
    })
    const outer = (JSON.parse(await firstLine(parent.stdout)) as { pid: number }).pid
    const inside = descendants(outer)
    expect(inside.length).toBeGreaterThanOrEqual(2)
    parent.kill('SIGKILL')
    await expect.poll(() => [outer, ...inside].filter(isAlive), { timeout: 10_000 }).toEqual([])
  })

  test('proves platforms, remembers them, and says what is missing', async () => {
    const cache = kind === 'rootless' ? join(user.home, 'cache/probes.json') : join(folder, `cache-${kind}/probes.json`)
    const wanted = ['linux/arm64', 'linux/riscv64', 'linux/sparc64']
    const first = (await enter(kind, 'node', cache, ...wanted)) as unknown as Node
    expect(first.emulated.map(({ platform, status }) => `${formatPlatform(platform)} ${status}`)).toEqual([
      'linux/arm64 ready',
      'linux/riscv64 ready',
      'linux/sparc64 missing',
    ])
    const written = readFileSync(cache, 'utf8')
    expect(await enter(kind, 'node', cache, ...wanted)).toEqual(first)
    expect(readFileSync(cache, 'utf8')).toBe(written)
    expect(readdirSync(join(cache, '..'))).toEqual(['probes.json'])
  })
})

describe.skipIf(why !== undefined)('root with handlers of its own', () => {
  const arm64 = ARCHITECTURES.find(({ name }) => name === 'arm64')!
  const qemu = emulators.find(({ architecture }) => architecture === 'arm64')!.path
  const stdio = ['ignore', 'pipe', 'pipe'] as const

  test('a setuid program gets its owner, because handlers carry the flag C', async () => {
    const path = join(probes, 'setuid')
    writeFileSync(path, exitWithEffectiveUser(), { mode: 0o755 })
    chmodSync(path, 0o4755)
    const args = ['--reuid', '1234', '--regid', '1234', '--clear-groups', path]
    const statuses = []
    for (const flags of ['POCF', 'PF']) {
      const child = await spawnInNamespace('root-emulate', 'setpriv', args, {
        stdio,
        handlers: [binfmtRegistration(arm64, qemu, flags)],
      })
      statuses.push(await new Promise((resolve) => child.once('exit', resolve)))
    }
    expect(statuses).toEqual([0, 1234 % 256])
  })

  test('a user without ids of /etc/subuid gets one id, and is told so', async () => {
    const args = [
      '--reuid',
      '54321',
      '--regid',
      '54321',
      '--clear-groups',
      '--inh-caps=-all',
      '--',
      process.execPath,
      program,
    ]
    const inside = ['run', 'rootless', '/bin/sh', '-c', `${probes}/arm64; echo $?; cat /proc/self/uid_map`]
    const { stdout } = await execute('setpriv', [...args, ...inside])
    const { stdout: said, note } = JSON.parse(stdout) as Answer
    expect(said.trim().split(/\s+/)).toEqual([String(PROBE_STATUS), '0', '54321', '1'])
    expect(note!.reason).toBe('/etc/subuid and /etc/subgid give no ids to 54321')
  })

  test('a refused registration is an error that shows what was said', async () => {
    const started = spawnInNamespace('root-emulate', '/bin/true', [], { stdio, handlers: ['garbage'] })
    await expect(started).rejects.toMatchObject({
      code: 'HOST',
      message: expect.stringContaining('refused to register') as string,
    })
  })

  test('an aborted signal is CANCELED before the start, and kills all after it', async () => {
    await expect(
      spawnInNamespace('root-native', '/bin/true', [], { stdio, handlers: [], signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'CANCELED' })
    const abort = new AbortController()
    const child = await spawnInNamespace('root-native', 'sleep', ['600'], { stdio, handlers: [], signal: abort.signal })
    const inside = descendants(child.pid!)
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
    abort.abort()
    expect(await ended).toBe('SIGKILL')
    await expect.poll(() => inside.filter(isAlive), { timeout: 10_000 }).toEqual([])
  })

  // The arm64 probe program with the result of geteuid as its status instead of 42
  function exitWithEffectiveUser(): Buffer {
    const code = [0xd28015e8, 0xd4000001, 0xd2800ba8, 0xd4000001] // mov x8, 175; svc 0; mov x8, 93; svc 0
    const words = Buffer.alloc(code.length * 4)
    code.forEach((word, index) => words.writeUInt32LE(word, index * 4))
    const file = Buffer.concat([probeProgram(arm64).subarray(0, 120), words])
    for (const offset of [96, 104]) file.writeBigUInt64LE(BigInt(file.length), offset)
    return file
  }
})

function hostHandlers(): string[] {
  return existsSync('/proc/sys/fs/binfmt_misc') ? readdirSync('/proc/sys/fs/binfmt_misc') : []
}

async function userCommand(): Promise<string[]> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await user.run('id', [flag])).stdout.trim()))
  return ['setpriv', '--reuid', uid!, '--regid', gid!, '--clear-groups', '--inh-caps=-all', '--', process.execPath]
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    stream.on('data', (chunk) => {
      said += String(chunk)
      if (said.includes('\n')) resolve(said.split('\n')[0]!)
    })
    stream.on('end', () => reject(new Error(`ended after "${said}"`)))
  })
}

function parents(): { pid: number; parent: number; state: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = existsSync(`/proc/${name}/stat`) ? readStat(name) : ''
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return state ? [{ pid: Number(name), parent: Number(parent), state }] : []
    })
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return '' // ended meanwhile
  }
}

function descendants(pid: number): number[] {
  const all = parents()
  const below = (parent: number): number[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one.pid, ...below(one.pid)])
  return below(pid)
}

// A zombie has ended: only its parent has not looked yet
function isAlive(pid: number): boolean {
  return parents().some((one) => one.pid === pid && one.state !== 'Z')
}
