import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { spawnInNamespace, type NamespaceKind, type Registration } from '../emulation/namespace.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { ownMark } from '../host/process-mark.ts'
import { workOfChildren } from '../host/process-work.ts'
import type { StoreFolder } from '../store/folder.ts'
import { deadOwners } from './owners.ts'
import { mostProcessesOfAll } from './process-limit.ts'
import { findStepCgroups } from './step-cgroups.ts'
import type { FromWorker, Method, ToWorker, WorkerMethods } from './protocol.ts'

/** What a call may be watched and stopped with. */
export interface CallOptions {
  readonly signal: AbortSignal
  readonly onLog?: (stream: 'stdout' | 'stderr', line: string) => void
}

/** The engine's side of a worker process. */
export interface Worker {
  call<M extends Method>(
    method: M,
    params: WorkerMethods[M]['params'],
    options: CallOptions,
  ): Promise<WorkerMethods[M]['result']>
  /** Ends the worker and everything it started. */
  close(): Promise<void>
}

export interface WorkerOptions {
  readonly kind: NamespaceKind
  readonly handlers: readonly Registration[]
  readonly folder: StoreFolder
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onWarning: (message: string) => void
}

interface Pending extends CallOptions {
  resolve(value: unknown): void
  reject(error: XbuildError): void
}

/** A worker that has this much time to stop, and does nothing meanwhile, will not. Milliseconds. */
const STUCK = 3000

/** Starts a worker in namespaces of its own. Throws HOST when this machine does not allow it. */
export async function startWorker({ kind, handlers, folder, env, onWarning }: WorkerOptions): Promise<Worker> {
  const cgroups = findStepCgroups(process.geteuid?.() ?? 0)
  const most = mostProcessesOfAll()
  const child = await spawnInNamespace(
    kind,
    process.execPath,
    [fileURLToPath(new URL('./worker.cjs', import.meta.url))],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      handlers,
      mostProcesses: most,
      env: {
        ...env,
        // A worker speaks to no server, and Node reads these certificates at each start (40 ms for a usual list)
        NODE_EXTRA_CA_CERTS: undefined,
        XBUILD_STORE: folder.root,
        XBUILD_OWNER: ownMark(),
        XBUILD_DEAD: deadOwners(folder).join(','),
        // Root's own steps never go without: a runtime that cannot make their group says why
        XBUILD_CGROUP: cgroups?.parent ?? (kind === 'root-native' ? '/' : ''),
        XBUILD_CONTROLLERS: cgroups?.controllers.join(',') ?? '',
        XBUILD_MOST_PROCESSES: String(most),
        XBUILD_USER_NAMESPACE: kind === 'root-native' ? '0' : '1',
      },
      onSingleId: ({ reason, hint }) => onWarning(`${reason}. ${hint}`),
    },
  )
  const said: string[] = []
  child.stderr?.on('data', (chunk: Buffer) => {
    said.push(...chunk.toString().split('\n').filter(Boolean))
    said.splice(0, said.length - 20)
  })
  return connect(child, said)
}

async function connect(child: ChildProcess, said: readonly string[]): Promise<Worker> {
  const pending = new Map<number, Pending>()
  let nextId = 1
  let gone: XbuildError | undefined
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))

  function lose(): void {
    gone ??= new XbuildError('HOST', 'Cannot go on building: the worker process ended', { output: said })
    for (const call of pending.values())
      call.reject(call.signal.aborted ? new XbuildError('CANCELED', 'Build canceled') : gone)
    pending.clear()
  }

  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message: FromWorker) => {
      if (message.type === 'ready') return resolve()
      const call = pending.get(message.id)
      if (!call) return
      if (message.type === 'log') {
        // What was said after a build was stopped is of no use, and may be much
        if (!call.signal.aborted) for (const line of message.lines) call.onLog?.(message.stream, line)
      } else if (message.type === 'result') {
        pending.delete(message.id)
        call.resolve(message.result)
      } else {
        pending.delete(message.id)
        const { code, message: text, ...details } = message.error
        call.reject(new XbuildError(code, text, details))
      }
    })
    child.once('exit', () => {
      lose()
      reject(gone)
    })
    child.once('error', (error) => reject(toXbuildError(error)))
  })
  await ready

  function call<M extends Method>(
    method: M,
    params: WorkerMethods[M]['params'],
    options: CallOptions,
  ): Promise<WorkerMethods[M]['result']> {
    if (gone) return Promise.reject(gone)
    const id = nextId
    nextId += 1
    const cancel = () => {
      send({ type: 'cancel', id })
      endIfStuck()
    }
    const send = (message: ToWorker) => void child.send(message, () => undefined)
    return new Promise<WorkerMethods[M]['result']>((resolve, reject) => {
      pending.set(id, { ...options, resolve: resolve as (value: unknown) => void, reject })
      send({ type: 'call', id, method, params })
      if (options.signal.aborted) cancel()
      else options.signal.addEventListener('abort', cancel, { once: true })
    }).finally(() => options.signal.removeEventListener('abort', cancel))
  }

  /** A worker that was told to stop and does nothing, because somebody has stopped it or what it waits for, is ended. */
  let watching: NodeJS.Timeout | undefined
  function endIfStuck(): void {
    if (watching) return
    let before = workOfChildren(child.pid!)
    watching = setInterval(() => {
      const now = workOfChildren(child.pid!)
      if (pending.size > 0 && before && now && before.cpu === now.cpu && before.bytes === now.bytes) kill()
      before = now
    }, STUCK).unref()
    void exited.then(() => clearInterval(watching))
  }
  const kill = () => void child.kill('SIGKILL')

  return {
    call,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        if (child.connected) child.disconnect()
        const timer = setTimeout(kill, 5000)
        await exited
        clearTimeout(timer)
      }
    },
  }
}
