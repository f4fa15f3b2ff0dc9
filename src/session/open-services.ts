import { openBuildInputs, secretsOf, type HideSecret } from '../content/build-inputs.ts'
import { allowsHostNetwork } from '../dockerfile/entitlements.ts'
import { findLaunch } from '../emulation/launch.ts'
import { createEngineServices, type EngineServices } from '../engine/services.ts'
import type { Reach } from '../host/http/reach.ts'
import { once } from '../host/once.ts'
import type { Node } from '../plan/types.ts'
import type { RegistryClient } from '../registry/types.ts'
import type { ReadSecret } from '../source/logins.ts'
import type { Store } from '../store/store.ts'
import type { SessionEdges } from './secrecy.ts'
import type { BuildEdges, SessionRequest } from './types.ts'

export interface ServiceEdges extends BuildEdges, Partial<Pick<SessionEdges, 'secrecy'>> {
  readonly store: Store
  readonly registry: RegistryClient
  readonly reach: Reach
}

export interface OpenedServices {
  readonly services: EngineServices
  /** This machine as it was planned with: the first step that is emulated waits for it. */
  readonly planned: (local: Node | undefined) => void
  closeAgent(): Promise<void>
}

/** What steps of the own engine need; how programs are emulated is decided when the build is planned. */
export function openServices(
  requests: readonly SessionRequest[],
  { env, secretEnv = env, emit, signal, secrecy, store, registry, reach }: ServiceEdges,
): OpenedServices {
  const { sourceDateEpoch, accel = 'auto', packs } = requests[0]!.options
  let planned: (local: Node | undefined) => void = () => {}
  const local = new Promise<Node | undefined>((settle) => (planned = settle))
  const agent = createGitAgent(requests, env)
  const services = createEngineServices({
    ...{ store, env, emit, signal, sourceDateEpoch, accel, reach },
    launch: once(async () => findLaunch(env, readyEmulated(await local))),
    packSets: packs && { names: packs, client: registry },
    secret: secretsOfAll(requests, secretEnv, secrecy?.hide),
    agent: agent.socket,
  })
  return { services, planned, closeAgent: agent.close }
}

/** The architectures that the machine emulates. */
function readyEmulated(local: Node | undefined): readonly string[] {
  return (local?.emulated ?? []).flatMap((entry) => (entry.status === 'ready' ? [entry.platform.architecture] : []))
}

/** The agent `default` for git, of its own: contexts are read before anything is opened for steps. */
function createGitAgent(requests: readonly SessionRequest[], env: BuildEdges['env']) {
  let close = async () => {}
  const open = once(async () => {
    const found = requests.find(({ options: { ssh } }) => ssh?.['default'] !== undefined)?.options
    if (!found) return undefined
    const inputs = await openBuildInputs({ ssh: { default: found.ssh!['default']! }, cwd: found.cwd }, { env })
    close = inputs.close
    return inputs
  })
  return { socket: async () => (await open())?.agent('default'), close: () => close() }
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
export function reachOf(requests: readonly SessionRequest[]): Reach {
  if (requests.every((request) => allowsHostNetwork(request.options))) return 'all'
  return requests.some((request) => request.options.network === 'private') ? 'no-loopback' : 'no-metadata'
}
