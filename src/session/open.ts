import { once } from '../host/once.ts'
import { resolve } from 'node:path'
import type { CacheImports } from '../cache/import.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { SessionEdges } from './secrecy.ts'
import type { BuildEdges, SessionRequest } from './types.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { remoteReader } from '../engine/remote-reader.ts'
import { withEpoch, type EngineServices } from '../engine/services.ts'
import { openMainContext, type MainContext } from '../content/main-context.ts'
import { blameCaches } from './imported-caches.ts'
import { withGhaScopes } from './gha-scopes.ts'
import { allowInsecure } from './insecure.ts'
import { findMachines, type Machines } from './machines.ts'
import { openServices, reachOf } from './open-services.ts'
import { addProxies } from './proxies.ts'
import type { Node } from '../plan/types.ts'
import { formatPlatform, platformOfNodeArch } from '../platform.ts'
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
export async function openSession(asked: readonly SessionRequest[], edges: OpenEdges): Promise<Session> {
  const { emit, signal, env } = edges
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const allowed = await allowInsecure(asked, { emit, env, signal })
  const requests = withGhaScopes(await addProxies(allowed, { env, warn }), env)
  const session = await openParts(requests, { ...edges, warn })
  if (!session.options.epochOfContext) return session
  try {
    return await stamped(session)
  } catch (error) {
    await session.close()
    throw error
  }
}

type OpenEdges = BuildEdges & Partial<Pick<SessionEdges, 'secrecy'>>

type PartEdges = OpenEdges & { readonly warn: (message: string) => void }

async function openParts(requests: readonly SessionRequest[], edges: PartEdges): Promise<Session> {
  const { emit, signal, env, secrecy, warn } = edges
  const { options } = requests[0]!
  const reach = reachOf(requests)
  const registry = createRegistryClient({
    ...{ registries: options.registries, env, onRetry: warn, hide: secrecy?.hide },
    reach: reach === 'all' ? reach : 'no-metadata',
  })
  const { store, lease } = await openStoreOf(options, edges)
  const { services, planned, closeAgent } = openServices(requests, { ...edges, store, registry, reach })
  const machines = askedOnce(() => findMachines(requests, { env, signal, store, emit }))
  const contexts = createContextsOf({ ...edges, services, store })
  const importedCaches: CacheImports[] = []
  const owned: { close(): Promise<void> }[] = []
  return {
    ...{ store, lease, services, registry, options, requests, planned, warn, importedCaches },
    contextOf: contexts.of,
    machines: machines.ask,
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
      const found = await machines.answer()
      await Promise.allSettled([contexts.close(), services.close(), registry.close(), found?.close(), closeAgent()])
    },
  }
}

async function openStoreOf(
  options: CompleteOptions,
  { env, signal, warn }: PartEdges,
): Promise<Pick<Session, 'store' | 'lease'>> {
  const store = await openStore(
    options.store === undefined ? defaultStoreRoot(env, process.geteuid?.() ?? 0) : resolve(options.cwd, options.store),
  )
  if (store.folder.wasOpen) warn(wasOpenWarning(store.folder))
  if (store.folder.lost) warn(lostWarning(store.folder))
  const lease = await takeBuildLease(store.folder, {
    signal,
    onWait: (others) => warn(`Waiting for ${describeHolders(others)} to end`),
  })
  return { store, lease }
}

/** Something that is found when somebody asks; `answer` is what they got, and nothing when nobody asked. */
function askedOnce<T>(find: () => Promise<T>): { ask(): Promise<T>; answer(): Promise<T | undefined> } {
  const ask = once(find)
  let isAsked = false
  return {
    ask: () => ((isAsked = true), ask()),
    answer: async () => (isAsked ? ask().catch(() => undefined) : undefined),
  }
}

/** The contexts of requests, each opened once. */
function createContextsOf({
  services,
  store,
  stdin,
  signal,
}: Pick<Session, 'services' | 'store'> & Pick<OpenEdges, 'stdin' | 'signal'>) {
  const contexts = new Map<SessionRequest, Promise<MainContext>>()

  function open({ options: own }: SessionRequest): Promise<MainContext> {
    const wanted = own.platforms.length > 0 ? own.platforms : [platformOfNodeArch(process.arch)]
    return openMainContext(own, {
      remotes: remoteReader(services.remotes, { platforms: wanted.map(formatPlatform), byUser: !own.projectContext }),
      folder: store.folder,
      stdin,
      signal,
    })
  }

  return {
    of(request: SessionRequest): Promise<MainContext> {
      const context = contexts.get(request) ?? open(request)
      contexts.set(request, context)
      return context
    },
    close: () => Promise.allSettled([...contexts.values()].map(async (context) => (await context).close())),
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
