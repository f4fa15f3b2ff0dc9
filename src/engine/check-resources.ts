import { XbuildError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import type { Vertex } from './vertex.ts'

/** Throws UNSUPPORTED when a step is to be limited by control groups where it can have none. */
export function checkResources(
  vertices: readonly Vertex[],
  { uid, isNative }: { uid: number; isNative: (platform: Platform) => boolean },
): void {
  for (const vertex of vertices) {
    if (vertex.kind !== 'run' || vertex.scope.container.resources === undefined) continue
    const isEmulated = !isNative(vertex.platform)
    if (uid === 0 && !isEmulated) continue
    const names = Object.keys(vertex.scope.container.resources)
      .map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
      .join(', ')
    throw new XbuildError(
      'UNSUPPORTED',
      isEmulated
        ? `Cannot limit ${names} of emulated steps: they run in a user namespace, without control groups of their own`
        : `Cannot limit ${names} of steps without root: control groups that systemd delegates are not supported yet`,
      {
        hint: isEmulated
          ? 'Leave --resource out, or build only for the platform of this machine'
          : 'Leave --resource out, build as root, or limit xbuild itself: systemd-run --user --scope -p MemoryMax=2G xbuild',
        at: vertex.step.at,
      },
    )
  }
}
