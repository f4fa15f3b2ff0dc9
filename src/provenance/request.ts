import { compact } from '../compact.ts'
import type { CompleteOptions } from '../config/options.ts'
import type { Resources } from '../config/run-options.ts'
import { withoutLogins } from '../dockerfile/show-url.ts'
import { parseMount } from '../dockerfile/mount.ts'
import type { Dockerfile, StageGraph } from '../dockerfile/types.ts'
import type { MountFacts, RequestFacts } from './facts.ts'

/**
 * What a target was asked to be, with the names that BuildKit's frontend has for it. Secrets are named, never told;
 * URLs lose their logins.
 */
export function requestOf(
  options: CompleteOptions,
  {
    dockerfile,
    graph,
    isFolder,
    hide,
  }: {
    readonly dockerfile: Dockerfile
    readonly graph: StageGraph
    readonly isFolder: boolean
    /** Takes secrets out of a text. */
    readonly hide: (text: string) => string
  },
): RequestFacts {
  const { target, buildArgs, labels, network, addHosts = [], shmSize, ulimits = [], buildContexts, noCache } = options
  const { resources } = options
  const { frontend } = dockerfile
  const folders = Object.entries(buildContexts).flatMap(([name, { kind }]) => (kind === 'dir' ? [{ name }] : []))
  const args = {
    ...prefixed('build-arg:', buildArgs),
    ...prefixed('label:', labels),
    ...compact({ target }),
    ...(frontend ? { source: frontend.image, cmdline: frontend.cmdline } : {}),
    ...compact({ 'force-network-mode': network }),
    ...(addHosts.length > 0 ? { 'add-hosts': addHosts.map(({ name, ip }) => `${name}=${ip}`).join(',') } : {}),
    ...(shmSize === undefined ? {} : { 'shm-size': String(shmSize) }),
    ...(ulimits.length > 0
      ? { ulimit: ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(',') }
      : {}),
    ...compact({ resource: resources && formatResources(resources) }),
    ...(noCache ? { 'no-cache': '' } : {}),
  }
  return {
    frontend: frontend ? 'gateway.v0' : 'dockerfile.v0',
    args: Object.fromEntries(
      Object.entries(args)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => [name, hide(value)]),
    ),
    secrets: mountsOf(graph, 'secret'),
    ssh: mountsOf(graph, 'ssh'),
    locals: [...(isFolder ? [{ name: 'context' }, { name: 'dockerfile' }] : []), ...folders],
  }
}

/** As `--resource` takes them. */
function formatResources(resources: Resources): string {
  return Object.entries(resources)
    .map(([name, value]) => `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${String(value)}`)
    .join(',')
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, withoutLogins(value)]))
}

/** Ids of the secrets or agents that steps of the stages mount, as the Dockerfile names them. */
function mountsOf({ stages }: StageGraph, wanted: 'secret' | 'ssh'): MountFacts[] {
  const found = new Map<string, boolean>()
  for (const instruction of stages.flatMap(({ stage }) => stage.instructions)) {
    if (instruction.kind !== 'run') continue
    for (const { fields } of instruction.mounts.map(parseMount)) {
      const valueOf = (key: string) => fields.findLast((field) => field.key === key)
      if (valueOf('type')?.value !== wanted) continue
      const path = (valueOf('target') ?? valueOf('dst') ?? valueOf('destination'))?.value
      const id = valueOf('id')?.value ?? (wanted === 'ssh' ? 'default' : (path?.split('/').at(-1) ?? ''))
      const required = valueOf('required')
      const isRequired = required !== undefined && required.value !== 'false' && required.value !== '0'
      found.set(id, (found.get(id) ?? false) || isRequired)
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, isRequired]) => ({ id, ...(isRequired ? {} : { optional: true as const }) }))
}
