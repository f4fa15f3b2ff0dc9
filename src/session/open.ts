import { once } from '../host/once.ts'
import { resolve } from 'node:path'
import type { CacheImports } from '../cache/import.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { ReadSecret } from '../source/logins.ts'
import type { SessionEdges } from './secrecy.ts'
import type { BuildEdges, SessionRequest } from './types.ts'
import { openBuildInputs, secretsOf, type HideSecret } from '../content/build-inputs.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { allowsHostNetwork } from '../dockerfile/entitlements.ts'
import { remoteReader } from '../engine/remote-reader.ts'
import { createEngineServices, withEpoch, type EngineServices } from '../engine/services.ts'
import { openMainContext, type MainContext } from '../content/main-context.ts'
import { findLaunch } from '../emulation/launch.ts'
import { blameCaches } from './imported-caches.ts'
import { withGhaScopes } from './gha-scopes.ts'
import { allowInsecure } from './insecure.ts'
import { findMachines, type Machines } from './machines.ts'
import { addProxies } from './proxies.ts'
import type { Node } from '../plan/types.ts'
import { formatPlatform, platformOfNodeArch } from '../platform.ts'
import type { Reach } from '../host/http/reach.ts'
import { createRegistryClient } from '../registry/client.ts'
import type { RegistryClient } from '../registry/types.ts'
import { makeDurable } from '../store/durable.ts'
import { defaultStoreRoot, lostWarning, wasOpenWarning } from '../store/folder.ts'
import { describeHolders, takeBuildLease, type Lease } from '../store/lease.ts'
import { openStore, type Store } from '../store/store.ts'

/** What one run of the program works with, before anything is known of its Dockerfiles. */
export interface Session {
  readonly store: Store
  /** Nothing is removed from the store while it is held. */
  readonly lease: Lease
  readonly services: EngineServices
  readonly registry: RegistryClient
  /** What all requests say alike. */
  readonly options: CompleteOptions
  readonly requests: readonly SessionRequest[]
  /** The build context of a request, and the Dockerfiles in it; opened once. */
  contextOf(request: SessionRequest): Promise<MainContext>
  /** The machines that take part; found once. */
  machines(): Promise<Machines>
  /** This machine as it was planned with: the first step that is emulated waits for it. */
  planned(local: Node | undefined): void
  readonly warn: (message: string) => void
  /** Caches of other machines that are read in this session. */
  readonly importedCaches: CacheImports[]
  /** The error to throw for one of the work: a broken cache is to blame for what it breaks. */
  blame(error: unknown): unknown
  /** Closes it with the session, before what was opened earlier. */
  own<T extends { close(): Promise<void> } | undefined>(opened: T): T
  close(): Promise<void>
}

/** Opens the store and the registry client; starts nothing, unless the time of contexts must be known. */
export async function openSession(
  asked: readonly SessionRequest[],
  { emit, signal, env, secretEnv = env, stdin, secrecy }: BuildEdges & Partial<Pick<SessionEdges, 'secrecy'>>,
): Promise<Session> {
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const allowed = await allowInsecure(asked, { emit, env, signal })
  const requests = withGhaScopes(await addProxies(allowed, { env, warn }), env)
  const { options } = requests[0]!
  const reach = reachOf(requests)
  const registry = createRegistryClient({
    ...{ registries: options.registries, env, onRetry: warn, hide: secrecy?.hide },
    reach: reach === 'all' ? reach : 'no-metadata',
  })
  const store = await openStore(
    options.store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(options.cwd, options.store),
  )
  if (store.folder.wasOpen) warn(wasOpenWarning(store.folder))
  if (store.folder.lost) warn(lostWarning(store.folder))
  const lease = await takeBuildLease(store.folder, {
    signal,
    onWait: (others) => warn(`Waiting for ${describeHolders(others)} to end`),
  })
  let planned: (local: Node | undefined) => void = () => {}
  const local = new Promise<Node | undefined>((settle) => (planned = settle))
  const launch = once(async () =>
    findLaunch(
      env,
      ((await local)?.emulated ?? []).flatMap((entry) =>
        entry.status === 'ready' ? [entry.platform.architecture] : [],
      ),
    ),
  )
  // Of its own: contexts are read before anything is opened for steps
  let closeAgent = async () => {}
  const gitAgent = once(async () => {
    const { ssh, cwd } =
      requests.map((request) => request.options).find(({ ssh }) => ssh?.['default'] !== undefined) ?? {}
    if (!ssh || cwd === undefined) return undefined
    const inputs = await openBuildInputs({ ssh: { default: ssh['default']! }, cwd }, { env })
    closeAgent = inputs.close
    return inputs
  })
  const services = createEngineServices({
    store,
    env,
    emit,
    launch,
    sourceDateEpoch: options.sourceDateEpoch,
    accel: options.accel ?? 'auto',
    packSets: options.packs && { names: options.packs, client: registry },
    signal,
    secret: secretsOfAll(requests, secretEnv, secrecy?.hide),
    agent: async () => (await gitAgent())?.agent('default'),
    reach,
  })
  const machines = once(() => findMachines(requests, { env, signal, store }))
  let askedMachines = false
  const importedCaches: CacheImports[] = []
  const owned: { close(): Promise<void> }[] = []
  const contexts = new Map<SessionRequest, Promise<MainContext>>()

  function openContextOf({ options: own }: SessionRequest): Promise<MainContext> {
    const wanted = own.platforms.length > 0 ? own.platforms : [platformOfNodeArch(process.arch)]
    return openMainContext(own, {
      remotes: remoteReader(services.remotes, { platforms: wanted.map(formatPlatform), byUser: !own.projectContext }),
      folder: store.folder,
      stdin,
      signal,
    })
  }

  const session: Session = {
    store,
    lease,
    services,
    registry,
    options,
    requests,
    contextOf(request) {
      const context = contexts.get(request) ?? openContextOf(request)
      contexts.set(request, context)
      return context
    },
    machines: () => ((askedMachines = true), machines()),
    planned,
    warn,
    importedCaches,
    blame: (error) => blameCaches(error, { caches: importedCaches, requests, signal, warn }),
    own(opened) {
      if (opened) owned.push(opened)
      return opened
    },
    async close() {
      for (const one of owned.reverse()) await one.close().catch(() => undefined)
      if (services.workers.started() && !signal.aborted) {
        await makeDurable(store.folder).catch((error: unknown) =>
          warn(`What this build made may be lost in a power cut: ${toXbuildError(error).message}`),
        )
      }
      lease.release()
      const found = askedMachines ? await machines().catch(() => undefined) : undefined
      const opened = [...contexts.values()].map(async (context) => (await context).close())
      await Promise.allSettled([...opened, services.close(), registry.close(), found?.close(), closeAgent()])
    },
  }
  if (!options.epochOfContext) return session
  try {
    return await stamped(session)
  } catch (error) {
    await session.close()
    throw error
  }
}

/** The session with the time of its contexts, which is one for all images: layers are shared. Throws BAD_OPTION. */
async function stamped(session: Session): Promise<Session> {
  const opened = await Promise.all(session.requests.map((request) => session.contextOf(request)))
  const times = await Promise.all(opened.map((context) => context.time()))
  const [time] = times
  if (times.some((one) => one !== time))
    throw new XbuildError(
      'BAD_OPTION',
      `Cannot use SOURCE_DATE_EPOCH "${session.options.epochOfContext}": the contexts have different times`,
      {
        hint: 'Build the images one after the other, or give the seconds',
      },
    )
  if (time === undefined) return session
  const requests = session.requests.map((request): SessionRequest => {
    const buildArgs = { ...request.options.buildArgs, SOURCE_DATE_EPOCH: String(time) }
    return { ...request, options: { ...request.options, buildArgs, sourceDateEpoch: time } }
  })
  const contexts = new Map(requests.map((request, index) => [request, opened[index]!]))
  return {
    ...session,
    services: withEpoch(session.services, time),
    options: requests[0]!.options,
    requests,
    contextOf: async (request) => contexts.get(request)!,
  }
}

/** Secrets by id, of whichever request has one of that id: logins of the same id are the same. */
function secretsOfAll(
  requests: readonly SessionRequest[],
  env: BuildEdges['env'],
  hide: HideSecret | undefined,
): ReadSecret {
  const readers = requests.map(({ options }) => secretsOf(options, env, hide))
  return async (id) => {
    for (const read of readers) {
      const content = await read(id)
      if (content !== undefined) return content
    }
    return undefined
  }
}

/** What ADD, contexts and registries may reach: as much as the steps of the build. */
function reachOf(requests: readonly SessionRequest[]): Reach {
  if (requests.every((request) => allowsHostNetwork(request.options))) return 'all'
  return requests.some((request) => request.options.network === 'private') ? 'no-loopback' : 'no-metadata'
}
