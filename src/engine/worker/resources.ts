import { existsSync, readFileSync } from 'node:fs'
import type { Resources } from '../../config/run-options.ts'

/** Processes and threads of a step that names no limit: no build needs as many, a fork bomb does. */
const DEFAULT_PIDS = 32_768

const rule = (type: 'b' | 'c', access: string, major?: number, minor?: number) => ({
  allow: true,
  type,
  access,
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
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

/** `linux.resources` of a step's bundle (runtime-spec config-linux.md): rules of devices and limits. */
export function resourceLimits(resources: Resources = {}): unknown {
  const { memory, memorySwap, cpuShares, cpuQuota, cpuPeriod, cpusetCpus, cpusetMems } = resources
  const pids = resources.pids ?? (countsProcesses() ? DEFAULT_PIDS : undefined)
  const cpu = { shares: cpuShares, quota: cpuQuota, period: cpuPeriod, cpus: cpusetCpus, mems: cpusetMems }
  return {
    devices: DEVICES,
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(memory === undefined && memorySwap === undefined ? {} : { memory: { limit: memory, swap: memorySwap } }),
    ...(Object.values(cpu).every((value) => value === undefined) ? {} : { cpu }),
  }
}

/** A runtime ends with an error when it is told a limit whose controller the kernel lacks. */
function countsProcesses(): boolean {
  const unified = '/sys/fs/cgroup/cgroup.controllers'
  return existsSync('/sys/fs/cgroup/pids') || (existsSync(unified) && /\bpids\b/.test(readFileSync(unified, 'utf8')))
}
