import { containerNameProblem, portProblem, volumeProblem } from './container-texts.ts'
import {
  distinctly,
  each,
  HOSTS,
  keysOf,
  LIST_OR_MAP,
  listOf,
  MOUNTS,
  NAMED,
  NUMBER,
  orNull,
  SWITCH,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  ULIMITS,
  WHOLE,
  wordOf,
  type Shape,
} from './shape.ts'

const OPTIONS: Shape = { type: ['map'], values: { type: ['string', 'number', 'null'] } }
const COMMAND: Shape = { type: ['string', 'list', 'null'], items: TEXT }
const HOOK = keysOf(
  { command: COMMAND, ...each('user working_dir', TEXT), privileged: SWITCH, environment: LIST_OR_MAP },
  'command',
)
const PRE_START = keysOf({
  command: COMMAND,
  ...each('image user working_dir', TEXT),
  ...each('privileged per_replica', SWITCH),
  environment: LIST_OR_MAP,
})
const DEVICE_REQUEST: Shape = {
  type: ['map'],
  keys: { ...each('capabilities device_ids', TEXTS), count: WHOLE, driver: TEXT, options: LIST_OR_MAP },
}
const LIMITS_OF_IO = listOf(keysOf({ path: TEXT, rate: WHOLE }))

const HEALTHCHECK = keysOf({
  disable: SWITCH,
  retries: NUMBER,
  test: TEXT_OR_TEXTS,
  ...each('interval timeout start_period start_interval', TEXT),
})

const ROLL = keysOf({
  parallelism: WHOLE,
  max_failure_ratio: NUMBER,
  order: wordOf('start-first stop-first'),
  ...each('delay failure_action monitor', TEXT),
})

const DEPLOY = orNull(
  keysOf({
    ...each('mode endpoint_mode', TEXT),
    replicas: WHOLE,
    labels: LIST_OR_MAP,
    ...each('rollback_config update_config', ROLL),
    resources: keysOf({
      limits: keysOf({ cpus: NUMBER, memory: TEXT, pids: WHOLE }),
      reservations: keysOf({
        cpus: NUMBER,
        memory: TEXT,
        generic_resources: listOf(keysOf({ discrete_resource_spec: keysOf({ kind: TEXT, value: NUMBER }) })),
        devices: listOf({ ...DEVICE_REQUEST, required: ['capabilities'] }),
      }),
    }),
    restart_policy: keysOf({ ...each('condition delay window', TEXT), max_attempts: WHOLE }),
    placement: keysOf({
      constraints: TEXTS,
      preferences: listOf(keysOf({ spread: TEXT })),
      max_replicas_per_node: WHOLE,
    }),
  }),
)

const DEVELOP = orNull(
  keysOf({
    watch: listOf(
      keysOf(
        {
          ...each('ignore include', TEXT_OR_TEXTS),
          ...each('path target', TEXT),
          action: wordOf('rebuild sync restart sync+restart sync+exec'),
          exec: HOOK,
          initial_sync: SWITCH,
        },
        'path',
        'action',
      ),
    ),
  }),
)

const VOLUMES = listOf({
  type: ['string', 'map'],
  problem: volumeProblem,
  keys: {
    type: wordOf('bind volume tmpfs cluster npipe image'),
    ...each('source target consistency', TEXT),
    read_only: SWITCH,
    bind: keysOf({
      propagation: TEXT,
      create_host_path: SWITCH,
      recursive: wordOf('enabled disabled writable readonly'),
      selinux: wordOf('z Z'),
    }),
    volume: keysOf({ labels: LIST_OR_MAP, nocopy: SWITCH, subpath: TEXT }),
    tmpfs: keysOf({ size: WHOLE, mode: NUMBER }),
    image: keysOf({ subpath: TEXT }),
  },
  required: ['type'],
})

const NETWORKS: Shape = {
  type: ['list', 'map'],
  items: TEXT,
  pattern: NAMED,
  values: orNull(
    keysOf({
      ...each('aliases link_local_ips', TEXTS),
      ...each('interface_name ipv4_address ipv6_address mac_address', TEXT),
      driver_opts: OPTIONS,
      ...each('priority gw_priority', NUMBER),
    }),
  ),
}

const MODELS: Shape = {
  type: ['list', 'map'],
  items: TEXT,
  values: orNull(keysOf(each('endpoint_var model_var', TEXT))),
}

/** Keys of a service that decide how its containers run, not how it is built. */
export const CONTAINER_KEYS: Readonly<Record<string, Shape>> = {
  ...each(
    'cgroup_parent cpuset domainname hostname ipc isolation mac_address network_mode pull_refresh_after ' +
      'restart runtime stop_grace_period stop_signal user userns_mode uts working_dir',
    TEXT,
  ),
  ...each('cap_add cap_drop dns_opt links', TEXTS),
  ...each('device_cgroup_rules external_links security_opt volumes_from', distinctly(TEXTS)),
  ...each('dns dns_search label_file tmpfs', TEXT_OR_TEXTS),
  ...each('attach init oom_kill_disable privileged read_only stdin_open tty use_api_socket', SWITCH),
  ...each('cpu_count cpu_percent mem_reservation mem_swappiness oom_score_adj scale', WHOLE),
  ...each(
    'cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus mem_limit memswap_limit pids_limit shm_size',
    NUMBER,
  ),
  ...each('annotations labels sysctls', LIST_OR_MAP),
  ...each('command entrypoint', COMMAND),
  ...each('configs secrets', MOUNTS),
  expose: listOf({ type: ['string', 'number'] }),
  group_add: distinctly(listOf({ type: ['string', 'number'] })),
  ...each('post_start pre_stop', listOf(HOOK)),
  blkio_config: keysOf({
    ...each('device_read_bps device_read_iops device_write_bps device_write_iops', LIMITS_OF_IO),
    weight: WHOLE,
    weight_device: listOf(keysOf({ path: TEXT, weight: WHOLE })),
  }),
  cgroup: wordOf('host private'),
  container_name: { type: ['string'], problem: containerNameProblem },
  credential_spec: keysOf(each('config file registry', TEXT)),
  deploy: DEPLOY,
  develop: DEVELOP,
  devices: listOf({ type: ['string', 'map'], keys: each('source target permissions', TEXT), required: ['source'] }),
  extra_hosts: distinctly(HOSTS),
  gpus: { type: ['string', 'list'], words: ['all'], items: DEVICE_REQUEST },
  healthcheck: HEALTHCHECK,
  logging: keysOf({ driver: TEXT, options: OPTIONS }),
  models: MODELS,
  networks: distinctly(NETWORKS),
  pid: { type: ['string', 'null'] },
  ports: listOf({
    type: ['number', 'string', 'map'],
    problem: portProblem,
    keys: { ...each('name mode host_ip protocol app_protocol', TEXT), ...each('target published', WHOLE) },
  }),
  pre_start: listOf(PRE_START),
  provider: keysOf({ type: TEXT, options: { type: ['map'], values: {} } }, 'type'),
  storage_opt: { type: ['map'], values: {} },
  ulimits: ULIMITS,
  volumes: VOLUMES,
}

/** What bake checks of these keys. */
export const CONTAINER_TEXTS: Readonly<Record<string, Shape>> = {
  ports: { items: { problem: portProblem } },
  volumes: { items: { problem: volumeProblem } },
}

const EXTERNAL: Shape = { type: ['boolean', 'string', 'map'], keys: { name: TEXT } }
const OWNED = { name: TEXT, external: EXTERNAL, labels: LIST_OR_MAP, driver: TEXT, driver_opts: OPTIONS }

/** Sections of a file beside its services and secrets. */
export const CONTAINER_SECTIONS: Readonly<Record<string, Shape>> = {
  configs: {
    type: ['map'],
    pattern: NAMED,
    values: keysOf({
      ...each('name content environment file template_driver', TEXT),
      external: EXTERNAL,
      labels: LIST_OR_MAP,
    }),
  },
  models: {
    type: ['map'],
    values: keysOf({ ...each('name model', TEXT), context_size: WHOLE, runtime_flags: TEXTS }, 'model'),
  },
  networks: {
    type: ['map'],
    values: orNull(
      keysOf({
        ...OWNED,
        ipam: keysOf({
          driver: TEXT,
          config: listOf(
            keysOf({ ...each('subnet ip_range gateway', TEXT), aux_addresses: { type: ['map'], values: TEXT } }),
          ),
          options: { type: ['map'], values: TEXT },
        }),
        ...each('internal enable_ipv4 enable_ipv6 attachable', SWITCH),
      }),
    ),
  },
  volumes: { type: ['map'], pattern: NAMED, values: orNull(keysOf(OWNED)) },
}
