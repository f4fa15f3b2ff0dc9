import { compact } from '../compact.ts'
import type { AccelMode } from '../config/run-options.ts'
import type { Launch } from '../emulation/launch.ts'
import type { Reach } from '../host/http/reach.ts'
import type { ReadSecret } from '../source/logins.ts'
import type { Store } from '../store/store.ts'
import type { Emit } from '../events.ts'
import type { PackSets } from './pack-source.ts'
import type { UsedPack } from '../content/built-image.ts'
import { createAcceleration, type Acceleration } from './acceleration.ts'
import { createLayers, type Layers } from './layers.ts'
import { createRemotes } from './remotes.ts'
import { createStartList, type StartList } from './starts.ts'
import type { Remotes } from './remotes-types.ts'
import { createWorkers, type Workers } from './workers.ts'

/**
 * What work on this machine stands on. Making it costs nothing: processes are started by the first step that needs
 * them.
 */
export interface EngineServices {
  readonly store: Store
  readonly uid: number
  readonly workers: Workers
  readonly layers: Layers
  readonly remotes: Remotes
  /** Native toolchains for emulated steps. */
  readonly acceleration: Acceleration | undefined
  /** What programs of the build's emulated steps were run from. */
  readonly packs: PackList
  /** What the emulated steps of the build started. */
  readonly starts: StartList
  readonly warn: (message: string) => void
  close(): Promise<void>
}

/** Packs, each once per platform. */
export interface PackList {
  /** `cached`: they ran in an earlier build, whose result is used. */
  readonly add: (packs: readonly UsedPack[], cached: boolean, images?: Iterable<string>) => void
  /** Those of an image; without a name of all. */
  readonly all: (image?: string) => readonly (UsedPack & { readonly cached: boolean })[]
}

export interface EngineServicesOptions {
  readonly store: Store
  readonly env: Readonly<Record<string, string | undefined>>
  readonly emit: Emit
  /** How emulated programs are started; asked for once, by the first step that is emulated. */
  readonly launch: () => Promise<Launch>
  readonly sourceDateEpoch?: number | undefined
  /** Whether emulated steps may use native toolchains; absent: they do not. */
  readonly accel?: AccelMode
  /** Where packs of native toolchains are fetched before they are made. */
  readonly packSets?: PackSets | undefined
  readonly signal: AbortSignal
  /** Secrets of the build: logins for what comes from elsewhere may be among them. */
  readonly secret?: ReadSecret
  /** Socket of the build's agent `default`, if it was given one. */
  readonly agent?: () => Promise<string | undefined>
  /** Addresses that may be asked for what comes from elsewhere; absent: all. */
  readonly reach?: Reach
}

/** Prepares work on this machine. */
export function createEngineServices({
  store,
  env,
  emit,
  launch,
  sourceDateEpoch,
  accel = 'off',
  packSets,
  signal,
  secret,
  agent,
  reach,
}: EngineServicesOptions): EngineServices {
  const uid = process.geteuid?.() ?? 0
  const warn = (message: string) => emit({ type: 'warning', message, at: Date.now() })
  const acceleration =
    accel === 'off'
      ? undefined
      : createAcceleration({ mode: accel, folder: store.folder, signal, emit, sets: packSets })
  const prepared = async () => (acceleration ? acceleration.prepare(await launch()) : launch())
  const workers = createWorkers({ folder: store.folder, env, uid, launch: prepared, onWarning: warn })
  const layers = createLayers({ store, workers, ...compact({ sourceDateEpoch }) })
  const remotes = createRemotes({
    ...{ store, workers, layers, env, emit },
    ...compact({ secret, agent, reach }),
  })
  const starts = createStartList({ detailed: accel === 'profile' })
  return {
    store,
    uid,
    workers,
    layers,
    remotes,
    acceleration,
    packs: createPackList(),
    starts,
    warn,
    async close() {
      remotes.close()
      await acceleration?.close()
      await workers.close()
      if (acceleration) await acceleration.remember(starts.all())
    },
  }
}

/** The same services, but layers are packed with no time later than `sourceDateEpoch`. */
export function withEpoch(services: EngineServices, sourceDateEpoch: number): EngineServices {
  const { store, workers } = services
  return { ...services, layers: createLayers({ store, workers, sourceDateEpoch }) }
}

function createPackList(): PackList {
  const found = new Map<string, { readonly pack: UsedPack & { readonly cached: boolean }; readonly image: string }>()
  return {
    add(packs, cached, images = []) {
      const names = [...images]
      for (const image of names.length > 0 ? names : ['']) {
        for (const pack of packs) {
          const key = [image, pack.platform, pack.digest, pack.node].join(' ')
          if (!cached || !found.has(key)) found.set(key, { pack: { ...pack, cached }, image })
        }
      }
    },
    all: (image) =>
      [...found.values()].flatMap((one) => (image === undefined || one.image === image ? [one.pack] : [])),
  }
}
