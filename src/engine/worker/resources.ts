import { readFileSync } from 'node:fs'
import { compact } from '../../compact.ts'
import type { Resources, Ulimit } from '../../config/run-options.ts'
import type { StepCgroups } from '../step-cgroups.ts'

const rule = (type: 'b' | 'c', access: string, major?: number, minor?: number) => ({
  allow: true,
  type,
  access,
  ...compact({ major, minor }),
})

/** Docker's: every node may be made, but of those only the harmless ones may be opened. */
const DEVICES = [
  { allow: false, access: 'rwm' },
  rule('c', 'm'),
  rule('b', 'm'),
  ...[3, 5, 7, 8, 9].map((minor) => rule('c', 'rwm', 1, minor)), // null, zero, full, random, urandom
  ...[0, 2].map((minor) => rule('c', 'rwm', 5, minor)), // tty, ptmx
  rule('c', 'rwm', 136), // pts
]

/**
 * `linux.resources` of a step's bundle (runtime-spec config-linux.md): rules of devices and limits. A runtime ends with
 * an error when it is told a limit that no controller keeps. `most` processes are those of a step that names no limit.
 */
export function resourceLimits(
  resources: Resources | undefined,
  controllers: readonly string[],
  most: number | undefined,
): unknown {
  const { memory, memorySwap, cpuShares, cpuQuota, cpuPeriod, cpusetCpus, cpusetMems } = resources ?? {}
  const pids = resources?.pids ?? (controllers.includes('pids') ? most : undefined)
  const cpu = { shares: cpuShares, quota: cpuQuota, period: cpuPeriod, cpus: cpusetCpus, mems: cpusetMems }
  return {
    devices: DEVICES,
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(memory === undefined && memorySwap === undefined ? {} : { memory: { limit: memory, swap: memorySwap } }),
    ...(Object.values(cpu).every((value) => value === undefined) ? {} : { cpu }),
  }
}

/**
 * The limits of processes that a step is to have where it has no control group that counts them. A limit of ours is
 * no higher than the one that this process has, which nobody may raise.
 */
export function withProcessLimit(
  ulimits: readonly Ulimit[],
  {
    inUserNamespace,
    cgroup,
    most,
  }: { readonly inUserNamespace: boolean; readonly cgroup: StepCgroups | undefined; readonly most: number },
): readonly Ulimit[] {
  if (!inUserNamespace || cgroup?.controllers.includes('pids') || ulimits.some(({ name }) => name === 'nproc'))
    return ulimits
  const hard = Math.min(most, ownProcessLimit())
  return [...ulimits, { name: 'nproc', soft: hard, hard }]
}

function ownProcessLimit(): number {
  const text = readFileSync('/proc/self/limits', 'utf8')
  const hard = /^Max processes +\S+ +(\d+|unlimited)/m.exec(text)?.[1]
  return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}
