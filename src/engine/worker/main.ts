import { existsSync, writeFileSync } from 'node:fs'
import { toXbuildError } from '../../errors.ts'
import type { FromWorker, Method, ToWorker, WireError, WorkerMethods } from '../protocol.ts'
import { removeStaleCgroups } from '../cgroups.ts'
import { applyLayer } from './apply.ts'
import { makeCacheFolder } from './cache-folder.ts'
import { compareSnapshots } from './compare.ts'
import { copy } from './copy.ts'
import { digestTree } from './digest.ts'
import { flatten, removeLeftovers, removeLinks, type WorkerFolders } from './overlay.ts'
import { measureSnapshots, removeLost, removeSnapshots } from './keep-snapshots.ts'
import { exportTree, pack } from './pack.ts'
import { readTreeFile } from './read-file.ts'
import { isPathTooLong, pathTooLong } from './path-too-long.ts'
import { probeRuntime } from './probe-runtime.ts'
import type { OnLog } from './container.ts'
import { createStepNetwork } from './network.ts'
import { run } from './run.ts'
import { openCommonGroup } from './step-groups.ts'
import { workdir } from './workdir.ts'

/*
 * The worker process: started by the engine inside fresh namespaces, it makes snapshots and runs containers until the
 * engine
 * goes away. It is the first process of its process namespace, so that its end is the end of everything in it.
 */

const folders: WorkerFolders = {
  snapshots: `${process.env['XBUILD_STORE']}/snapshots`,
  tmp: `${process.env['XBUILD_STORE']}/tmp`,
  blobs: `${process.env['XBUILD_STORE']}/blobs/sha256`,
  ingest: `${process.env['XBUILD_STORE']}/ingest`,
  owner: process.env['XBUILD_OWNER'] ?? '',
}
const inUserNamespace = process.env['XBUILD_USER_NAMESPACE'] === '1'

const parent = process.env['XBUILD_CGROUP'] ?? ''
const controllers = (process.env['XBUILD_CONTROLLERS'] ?? '').split(',').filter(Boolean)
const place = parent === '' ? undefined : { parent, controllers }
const most = Number(process.env['XBUILD_MOST_PROCESSES'])
const common = place && openCommonGroup(place, { owner: folders.owner, most })
const cgroup = common?.cgroup
process.once('exit', () => {
  common?.close()
  removeLinks(folders)
})

const network = createStepNetwork()
const told = new Set<string>()

type Handlers = {
  [M in Method]: (
    params: WorkerMethods[M]['params'],
    options: { signal: AbortSignal; onLog: OnLog },
  ) => Promise<WorkerMethods[M]['result']> | WorkerMethods[M]['result']
}

const handlers: Handlers = {
  flatten: (params) => flatten(folders, params),
  apply: (params, { signal }) => applyLayer(folders, params, signal),
  copy: (params, { signal }) => copy(folders, params, signal),
  workdir: (params) => workdir(folders, params),
  run: (params, { signal, onLog }) => run(folders, params, { signal, onLog, inUserNamespace, cgroup, network, told }),
  openNetwork: () => network.open(),
  pack: (params, { signal }) => pack(folders, params, signal),
  exportTree: (params, { signal }) => exportTree(folders, params, signal),
  digest: (params) => digestTree(folders, params),
  readFile: (params) => readTreeFile(folders, params),
  cacheFolder: (params) => makeCacheFolder(folders, params),
  probeRuntime: (params, { signal }) => probeRuntime(folders, params, { signal, inUserNamespace, cgroup }),
  measure: (params) => measureSnapshots(folders, params.ids),
  compare: (params) => compareSnapshots(folders, params.ids),
  remove: (params) => removeSnapshots(folders, params.ids),
}

const running = new Map<number, AbortController>()
/** Settles when the message has been handed over. */
const send = (message: FromWorker) =>
  new Promise<void>((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve())
    else resolve()
  })

async function call(id: number, method: Method, params: unknown): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  try {
    const handler = handlers[method] as (params: unknown, options: { signal: AbortSignal; onLog: OnLog }) => unknown
    const onLog: OnLog = (stream, lines) => send({ type: 'log', id, stream, lines })
    const result = await handler(params, { signal: controller.signal, onLog })
    void send({ type: 'result', id, result })
  } catch (error) {
    void send({ type: 'error', id, error: toWire(error) })
  } finally {
    running.delete(id)
  }
}

function toWire(value: unknown): WireError {
  const error = toXbuildError(isPathTooLong(value) ? pathTooLong(value) : value)
  const cause =
    error.cause instanceof Error && error.code === 'INTERNAL' && error.cause.stack
      ? error.cause.stack.split('\n').slice(0, 6)
      : undefined
  return {
    code: error.code,
    message: error.message,
    facts: error.facts,
    ...(error.hint ? { hint: error.hint } : {}),
    ...((error.output ?? cause) ? { output: error.output ?? cause! } : {}),
  }
}

/** A program in a user namespace of its own could mount: a step is kept from it by seccomp, too. */
function refuseUserNamespaces(): void {
  const limit = '/proc/sys/user/max_user_namespaces'
  if (existsSync(limit)) writeFileSync(limit, '0')
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'call') void call(message.id, message.method, message.params)
  else running.get(message.id)?.abort()
})
// Ctrl-C reaches the whole process group; the engine decides what it means for us.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit(0))

if (inUserNamespace) refuseUserNamespaces()
process.umask(0o077) // what an image is to hold gets its modes where it is made
const dead = new Set((process.env['XBUILD_DEAD'] ?? '').split(',').filter(Boolean))
removeLeftovers(folders, dead)
removeStaleCgroups(dead, place?.parent)
void removeLost(folders)
void send({ type: 'ready' })
