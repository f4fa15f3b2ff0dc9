import type { OpenedNode } from '../driver/opened-node.ts'
import type { Node } from '../plan/types.ts'
import { samePlatform, type Platform } from '../platform.ts'

/** The machines that tests may run on. */
export interface TestMachines {
  /** This machine, also when it builds nothing. */
  readonly tester: Node | undefined
  readonly nodes: readonly OpenedNode[]
}

/**
 * The machines that can run programs of a platform, best first: the one that built the image, then those whose CPU runs
 * them, this machine before others.
 */
export function machinesFor(platform: Platform, { tester, nodes }: TestMachines, builder?: string): readonly Node[] {
  const others = nodes.filter(({ tests }) => tests).map(({ node }) => node)
  const able = [...(tester ? [tester] : []), ...others].filter((node) => rankOf(node, platform) !== undefined)
  const rank = (node: Node) => (node.name === builder ? 0 : rankOf(node, platform)!)
  return able.toSorted((a, b) => rank(a) - rank(b))
}

/** Whether the CPU of a machine runs programs of the platform. */
export function isNativeOn(node: Node | undefined, platform: Platform): boolean {
  return node?.native.some((native) => samePlatform(native, platform)) ?? false
}

function rankOf(node: Node, platform: Platform): 1 | 2 | undefined {
  if (isNativeOn(node, platform)) return 1
  const found = node.emulated.find((one) => samePlatform(one.platform, platform))
  return found?.status === 'ready' ? 2 : undefined
}
