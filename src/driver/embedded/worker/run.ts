import { spawn } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readFileSync, rmdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { XbuildError } from '../../../errors.ts'
import { makeFolders, resolveInRoot } from '../in-root.ts'
import type { Changed, RunParams } from '../protocol.ts'
import { MOUNT_POINTS, runtimeConfig } from './bundle.ts'
import { onLines } from './lines.ts'
import { isEmpty, makeSnapshot, type WorkerFolders } from './overlay.ts'
import { resolveUser } from './users.ts'

/** Lines of a failed command's output that its error carries. */
const KEPT_LINES = 20
const HOSTNAME = 'buildkitsandbox'

export type OnLog = (stream: 'stdout' | 'stderr', line: string) => void

/** RUN: runs a command in a container over `lowers`; what it changed is snapshot `id`. */
export async function run(folders: WorkerFolders, params: RunParams, { signal, onLog, inUserNamespace }: { signal: AbortSignal; onLog: OnLog; inUserNamespace: boolean }): Promise<Changed> {
  return makeSnapshot(folders, { id: params.id, lowers: params.lowers.length === 0 ? [emptyLower(folders)] : params.lowers }, async ({ merged, upper, scratch }) => {
    const ids = resolveUser(merged, params.user)
    const files = hostFiles(scratch, params)
    const stubs = makeMountPoints(merged, files.map((file) => file.target))
    makeFolders(merged, params.cwd, { uid: 0, gid: 0 })
    const name = `xbuild-${folders.owner}-${params.id}`
    const config = runtimeConfig({
      rootfs: merged, argv: params.argv, env: params.env, cwd: params.cwd, ids, hostname: HOSTNAME, files, bindSys: inUserNamespace,
      ...(inUserNamespace ? {} : { cgroupsPath: `/${name}` }),
    })
    writeFileSync(join(scratch, 'config.json'), JSON.stringify(config))
    const end = await runContainer({ scratch, name, runtime: params.runtime, signal, onLog, inUserNamespace })
    if (signal.aborted) throw new XbuildError('CANCELED', 'Build canceled')
    if (end.status !== 0) throw failure(params, end)
    removeMountPoints(stubs)
    return { empty: isEmpty(upper) }
  })
}

/** Overlay needs something below; an image from scratch has nothing. */
function emptyLower(folders: WorkerFolders): string {
  mkdirSync(join(folders.snapshots, 'empty'), { recursive: true })
  return 'empty'
}

/** resolv.conf, hosts and heredoc scripts, written into the operation's folder to be bound into the container. */
function hostFiles(scratch: string, params: RunParams): { source: string; target: string }[] {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const wanted = [
    { path: '/etc/resolv.conf', content: read('/etc/resolv.conf'), mode: 0o644 },
    { path: '/etc/hosts', content: `127.0.0.1\tlocalhost ${HOSTNAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n${read('/etc/hosts')}`, mode: 0o644 },
    ...params.files,
  ]
  return wanted.map(({ path, content, mode }, index) => {
    const source = join(scratch, `file-${index}`)
    writeFileSync(source, content, { mode })
    return { source, target: path }
  })
}

/** What `makeMountPoints` had to add to the image, parents first, with the time that the folder around it had. */
type Stub = { readonly path: string; readonly isDir: boolean; readonly parent: string; readonly parentTime: number }

function makeMountPoints(root: string, files: readonly string[]): Stub[] {
  const stubs: Stub[] = []
  const folder = (path: string): string => {
    const real = resolveInRoot(root, path)
    if (real === root || lstatSync(real, { throwIfNoEntry: false })) return real
    folder(dirname(path))
    const target = resolveInRoot(root, path)
    if (lstatSync(target, { throwIfNoEntry: false })) return target
    const parent = makeFolders(root, dirname(target).slice(root.length) || '/', { uid: 0, gid: 0 }).path
    stubs.push({ path: target, isDir: true, parent, parentTime: lstatSync(parent).mtimeMs / 1000 })
    mkdirSync(target, { mode: 0o755 })
    return target
  }
  for (const path of MOUNT_POINTS) folder(path)
  for (const path of files) {
    const real = resolveInRoot(root, path)
    if (lstatSync(real, { throwIfNoEntry: false })) continue
    const parent = folder(dirname(real).slice(root.length) || '/')
    stubs.push({ path: real, isDir: false, parent, parentTime: lstatSync(parent).mtimeMs / 1000 })
    writeFileSync(real, '', { mode: 0o644 })
  }
  return stubs
}

/** Takes the mount points out again, unless the command put something there. */
function removeMountPoints(stubs: readonly Stub[]): void {
  for (const { path, isDir, parent, parentTime } of stubs.toReversed()) {
    try {
      if (isDir) rmdirSync(path)
      else if (lstatSync(path).size === 0) unlinkSync(path)
      utimesSync(parent, parentTime, parentTime)
    } catch {
      // the command used or removed it: then it belongs to the layer as it is
    }
  }
}

/** How a container ended: its status, or the signal; its last lines; and what the runtime itself had to say. */
export interface ContainerEnd {
  readonly status: number | string
  readonly output: readonly string[]
  readonly fromRuntime: readonly string[]
}

/** Runs the container of the bundle in `scratch` to its end; nothing of it is left when this settles. */
export async function runContainer({ scratch, name, runtime, signal, onLog, inUserNamespace }: { scratch: string; name: string; runtime: string; signal: AbortSignal; onLog: OnLog; inUserNamespace: boolean }): Promise<ContainerEnd> {
  const log = join(scratch, 'runtime.log')
  // In a user namespace nobody may set limits on devices, not even its root: runc must be told, others find out.
  const rootless = inUserNamespace && basename(runtime).includes('runc') ? ['--rootless=true'] : []
  const base = [...rootless, '--root', join(scratch, 'state'), '--log', log, '--log-format', 'json']
  signal.throwIfAborted()
  const child = spawn(runtime, [...base, 'run', '--bundle', scratch, name], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output: string[] = []
  const keep = (stream: 'stdout' | 'stderr') => (line: string) => {
    output.push(line)
    if (output.length > KEPT_LINES) output.shift()
    onLog(stream, line)
  }
  onLines(child.stdout, keep('stdout'))
  onLines(child.stderr, keep('stderr'))
  const kill = () => void spawn(runtime, [...base, 'kill', name, 'KILL'], { stdio: 'ignore' })
    .once('exit', (code) => code !== 0 && child.kill('SIGKILL')) // not created yet: end the runtime itself
    .once('error', () => child.kill('SIGKILL'))
  signal.addEventListener('abort', kill)
  try {
    const status = await new Promise<number | string>((resolve, reject) => {
      child.once('error', (cause) => reject(new XbuildError('HOST', `Cannot start the OCI runtime "${runtime}": ${cause.message}`, { cause, hint: 'Install runc, or name another with --oci-runtime' })))
      child.once('close', (code, by) => resolve(code ?? by ?? 1))
    })
    return { status, output, fromRuntime: runtimeErrors(log) }
  } finally {
    signal.removeEventListener('abort', kill)
    // A container that ended by itself is deleted already; a runtime that was killed has not got round to it.
    if (existsSync(join(scratch, 'state', name))) {
      await new Promise<void>((resolve) => {
        spawn(runtime, [...base, 'delete', '--force', name], { stdio: 'ignore' }).once('close', () => resolve()).once('error', () => resolve())
      })
    }
  }
}

/** Error messages that the runtime itself logged, as opposed to the command. */
function runtimeErrors(log: string): string[] {
  if (!existsSync(log)) return []
  return readFileSync(log, 'utf8').split('\n').filter(Boolean).flatMap((line) => {
    try {
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string }
      return level === 'error' || level === 'fatal' ? [String(msg)] : []
    } catch {
      return []
    }
  })
}

function failure(params: RunParams, { status, output: last, fromRuntime }: ContainerEnd): XbuildError {
  const command = params.argv.join(' ').slice(0, 200)
  const output = last.filter((line) => !fromRuntime.some((message) => line.includes(message.slice(0, 80))))
  const message = fromRuntime.at(-1)
  if (message !== undefined) {
    if (message.includes('exec format error')) {
      return new XbuildError('EMULATOR', `Cannot run "${command}": its program is for another platform and no emulator took it`, {
        output, hint: 'The image holds programs of another platform than it says, or QEMU for it is missing',
      })
    }
    const missing = /exec: "?([^":]+)"?: .*(no such file|not found)/.exec(message)
    if (missing) return new XbuildError('RUN_FAILED', `Cannot run "${command}": the image has no program "${missing[1]}"`, { output, hint: 'Use a base image that has it, or the exec form with a program that is there' })
    return new XbuildError('HOST', `Cannot run "${command}": ${message}`, { output: last, hint: 'The OCI runtime could not start the container: see its message, or try another with --oci-runtime' })
  }
  const crash = params.emulated && (last.some((line) => line.includes('qemu: uncaught target signal')) || status === 132 || status === 139)
  if (crash) {
    return new XbuildError('EMULATOR', `Cannot run "${command}": the emulator or the emulated program crashed (exit code ${status})`, {
      output, hint: 'Try another QEMU version, or build this platform on a machine of its own',
    })
  }
  return new XbuildError('RUN_FAILED', `Cannot run "${command}": ${typeof status === 'number' ? `exit code ${status}` : `ended by ${status}`}`, { output })
}

/** WORKDIR: makes the folder, owned by `user`, unless it is there. */
export async function workdir(folders: WorkerFolders, params: { id: string; lowers: readonly string[]; path: string; user: string }): Promise<Changed> {
  return makeSnapshot(folders, params, async ({ merged, upper }) => {
    const { uid, gid } = resolveUser(merged, params.user)
    const { made } = makeFolders(merged, params.path, { uid, gid })
    // Any time but a fixed one would make the layer differ from build to build.
    for (const path of made.toReversed()) utimesSync(path, 0, 0)
    const parent = made[0] === undefined ? undefined : dirname(made[0])
    if (parent !== undefined) restoreTime(folders, params.lowers, merged, parent)
    return { empty: isEmpty(upper) }
  })
}

function restoreTime(folders: WorkerFolders, lowers: readonly string[], merged: string, parent: string): void {
  const path = parent.slice(merged.length)
  for (const lower of lowers.toReversed()) {
    const below = lstatSync(join(folders.snapshots, lower, path), { throwIfNoEntry: false })
    if (below) return utimesSync(parent, below.mtimeMs / 1000, below.mtimeMs / 1000)
  }
}
