import { nodeAt, textOf, type ComposeNode, type Report } from './node.ts'

/** Reports what does not hold between the keys of a service that decide how its containers run. */
export function checkContainers(name: string, service: ComposeNode, report: Report): void {
  const fail = (node: ComposeNode, state: string) => report(node.at, `Cannot use the service "${name}": ${state}`)
  checkScale(service, fail)
  checkLimits(service, fail)
  checkMounts(service, fail)
  checkDevices(service, fail)
  const test = nodeAt(service, 'healthcheck', 'test')
  const [first] = test?.kind === 'list' ? test.items : []
  if (first && !['CMD', 'CMD-SHELL', 'NONE'].includes(textOf(first) ?? ''))
    fail(first, 'healthcheck.test begins with "CMD", "CMD-SHELL" or "NONE" when it is a list')
  const watch = nodeAt(service, 'develop', 'watch')
  for (const item of watch?.kind === 'list' ? watch.items : [])
    if (!textOf(nodeAt(item, 'target')) && !['rebuild', 'restart'].includes(textOf(nodeAt(item, 'action')) ?? ''))
      fail(item, 'develop.watch needs a target for this action')
}

type Fail = (node: ComposeNode, state: string) => void

function checkScale(service: ComposeNode, fail: Fail): void {
  const scale = nodeAt(service, 'scale')
  const replicas = nodeAt(service, 'deploy', 'replicas')
  const count = scale ?? replicas
  if (scale && replicas && Number(textOf(scale)) !== Number(textOf(replicas)))
    fail(scale, 'scale and deploy.replicas differ')
  if (count && Number(textOf(count)) < 0) fail(count, 'the number of its containers is below 0')
  const container = nodeAt(service, 'container_name')
  if (container && textOf(container) !== '' && Number(textOf(count) ?? 1) > 1)
    fail(container, 'container_name is the name of one container, and it has several')
}

/** Limits that are said twice: at the service, and under `deploy`. */
function checkLimits(service: ComposeNode, fail: Fail): void {
  for (const [key, place, inner, read] of [
    ['cpus', 'limits', 'cpus', Number],
    ['mem_limit', 'limits', 'memory', bytesOf],
    ['mem_reservation', 'reservations', 'memory', bytesOf],
    ['pids_limit', 'limits', 'pids', Number],
  ] as const) {
    const own = nodeAt(service, key)
    const deployed = nodeAt(service, 'deploy', 'resources', place)
    const value = read(textOf(own) ?? '0')
    if (own && deployed && value !== 0 && value !== read(textOf(nodeAt(deployed, inner)) ?? '0'))
      fail(own, `${key} and deploy.resources.${place}.${inner} differ`)
  }
}

function bytesOf(text: string): number {
  const [, digits = '', unit = ''] = /^(-?[\d.]+) ?([kmgtp]?)/i.exec(text) ?? []
  return Math.trunc(Number(digits) * 1024 ** ' kmgtp'.indexOf(unit.toLowerCase() || ' '))
}

/** A volume cannot be mounted where a tmpfs is. Of volumes at one place, the last counts. */
function checkMounts(service: ComposeNode, fail: Fail): void {
  const taken = new Map<string, string>()
  for (const item of itemsOf(nodeAt(service, 'tmpfs'))) {
    const text = textOf(item) ?? ''
    const path = text.split(':')[0]!
    if ((taken.get(path) ?? text) !== text) fail(item, `something is mounted at "${path}" already`)
    taken.set(path, text)
  }
  for (const item of itemsOf(nodeAt(service, 'volumes'))) {
    const path = targetOf(item)
    if (taken.has(path)) fail(item, `something is mounted at "${path}" already`)
  }
}

function itemsOf(node: ComposeNode | undefined): readonly ComposeNode[] {
  return node?.kind === 'list' ? node.items : node ? [node] : []
}

function targetOf(volume: ComposeNode): string {
  const text = textOf(volume)
  const path = text === undefined ? (textOf(nodeAt(volume, 'target')) ?? '') : (text.split(':')[1] ?? text)
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}

/** Devices by their number and by their names. */
function checkDevices(service: ComposeNode, fail: Fail): void {
  const devices = nodeAt(service, 'deploy', 'resources', 'reservations', 'devices')
  for (const node of [nodeAt(service, 'gpus'), devices])
    for (const item of itemsOf(node))
      if (nodeAt(item, 'count') && nodeAt(item, 'device_ids')) fail(item, 'count and device_ids exclude each other')
}
