import { join } from 'node:path'
import { compact } from '../compact.ts'
import { platformOfNodeArch } from '../platform.ts'
import { holders } from '../store/lease.ts'
import { localNode } from './local.ts'
import { provablePlatforms } from './prove.ts'
import type { NodeReport, ReportEdges } from './report.ts'

/** Jobs at a time that this machine gets. */
const LOCAL_SLOTS = 8

export interface HereEdges extends ReportEdges {
  /** Of xbuild. */
  readonly version: string
  /** Bytes in the store. */
  readonly measure: () => Promise<number>
}

/** This machine with xbuild's own engine, as `xbuild node` shows it. */
export async function reportHere(
  used: boolean,
  { env, store, signal, limit, version, measure }: HereEdges,
): Promise<NodeReport> {
  const late = new Promise<undefined>((resolve) => void setTimeout(resolve, limit * 1000, undefined).unref())
  const measuring = Promise.race([measure().catch(() => undefined), late])
  const wanted = provablePlatforms([platformOfNodeArch(process.arch)])
  const { native, emulated } = await localNode({
    wanted,
    env,
    signal,
    slots: LOCAL_SLOTS,
    cacheFile: join(store.folder.records, 'emulators.json'),
  })
  const cache = await measuring
  return {
    name: 'local',
    endpoint: 'local',
    origin: 'this machine',
    used,
    slots: LOCAL_SLOTS,
    state: {
      status: 'ready',
      driver: 'embedded',
      version: `xbuild ${version}`,
      native,
      emulated,
      load: { running: holders(store.folder).filter(({ kind }) => kind === 'build').length, counted: 'by the node' },
      containerdStore: true,
      ...compact({ cache }),
    },
  }
}
