import { addressProblem, containerNameProblem, deviceProblem, portProblem, volumeProblem } from './container-texts.ts'
import {
  CAST_COUNT,
  CAST_NUMBER,
  CAST_SWITCH,
  CAST_TO_WHOLE,
  CAST_WHOLE,
  distinctly,
  DURATION,
  each,
  HOSTS,
  keysOf,
  LIST_OR_MAP,
  listOf,
  MOUNTS,
  NAMED,
  NUMBER,
  orNull,
  SIZE,
  SWITCH,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  ULIMITS,
  WHOLE,
  wordOf,
  type Shape,
} from './shape.ts'
import { countProblem, numberProblem, percentProblem, sizeProblem, switchProblem, wholeProblem } from './value-texts.ts'

const SIZE_TEXT: Shape = { ...TEXT, problem: sizeProblem }
const WHOLE_TEXT: Shape = { ...WHOLE, problem: wholeProblem }
const NANO_CPUS: Shape = { ...NUMBER, problem: numberProblem }
const VALUES: Shape = { type: ['map'], values: { type: ['string', 'number'] } }
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
  keys: {
    ...each('capabilities device_ids', distinctly(TEXTS)),
    count: { type: ['digits', 'string'], cast: (text) => (/^all$/i.test(text) ? undefined : wholeProblem(text)) },
    driver: TEXT,
    options: distinctly(LIST_OR_MAP),
  },
}
const LIMITS_OF_IO = listOf(keysOf({ path: TEXT, rate: { ...WHOLE, problem: sizeProblem } }))
const WEIGHT: Shape = { type: ['integer'], problem: countProblem }

const HEALTHCHECK = keysOf({
  disable: CAST_SWITCH,
  retries: CAST_COUNT,
  test: TEXT_OR_TEXTS,
  ...each('interval timeout start_period start_interval', DURATION),
})

const ROLL = keysOf({
  parallelism: CAST_COUNT,
  max_failure_ratio: CAST_NUMBER,
  order: wordOf('start-first stop-first'),
  failure_action: TEXT,
  ...each('delay monitor', DURATION),
})

const DEPLOY = orNull(
  keysOf({
    ...each('mode endpoint_mode', TEXT),
    replicas: CAST_WHOLE,
    labels: LIST_OR_MAP,
    ...each('rollback_config update_config', ROLL),
    resources: keysOf({
      limits: keysOf({ cpus: NANO_CPUS, memory: SIZE_TEXT, pids: WHOLE_TEXT }),
      reservations: keysOf({
        cpus: NANO_CPUS,
        memory: SIZE_TEXT,
        generic_resources: listOf(keysOf({ discrete_resource_spec: keysOf({ kind: TEXT, value: NUMBER }) })),
        devices: listOf({ ...DEVICE_REQUEST, required: ['capabilities'] }),
      }),
    }),
    restart_policy: keysOf({ condition: TEXT, ...each('delay window', DURATION), max_attempts: CAST_COUNT }),
    placement: keysOf({
      constraints: TEXTS,
      preferences: listOf(keysOf({ spread: TEXT })),
      max_replicas_per_node: CAST_COUNT,
    }),
  }),
)

const DEVELOP = orNull(
  keysOf({
    watch: listOf(
      keysOf(
        {
          ...each('ignore include', TEXT_OR_TEXTS),
          path: { ...TEXT, problem: (text) => (text === '' ? 'it must not be empty' : undefined) },
          target: TEXT,
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
    read_only: CAST_SWITCH,
    bind: keysOf({
      propagation: TEXT,
      create_host_path: SWITCH,
      recursive: wordOf('enabled disabled writable readonly'),
      selinux: wordOf('z Z'),
    }),
    volume: keysOf({ labels: LIST_OR_MAP, nocopy: CAST_SWITCH, subpath: TEXT }),
    tmpfs: keysOf({ size: { ...WHOLE, problem: sizeProblem }, mode: { type: ['digits'] } }),
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
      ...each('priority gw_priority', { type: ['number'] }),
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
      'restart runtime stop_signal user userns_mode uts working_dir',
    TEXT,
  ),
  ...each('cap_add cap_drop dns_opt links', TEXTS),
  ...each('device_cgroup_rules external_links security_opt volumes_from', distinctly(TEXTS)),
  ...each('dns dns_search label_file tmpfs', TEXT_OR_TEXTS),
  attach: SWITCH,
  use_api_socket: { type: ['boolean'] },
  ...each('init oom_kill_disable privileged read_only stdin_open tty', CAST_SWITCH),
  ...each('oom_score_adj scale', CAST_WHOLE),
  cpu_count: { ...WHOLE, problem: countProblem, cast: wholeProblem },
  ...each('cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime pids_limit', CAST_TO_WHOLE),
  cpu_percent: { ...WHOLE, problem: percentProblem, cast: numberProblem },
  cpus: CAST_NUMBER,
  ...each('mem_limit memswap_limit shm_size', SIZE),
  ...each('mem_reservation mem_swappiness', { ...WHOLE, problem: sizeProblem }),
  stop_grace_period: DURATION,
  ...each('annotations labels sysctls', LIST_OR_MAP),
  ...each('command entrypoint', COMMAND),
  ...each('configs secrets', MOUNTS),
  expose: listOf({ type: ['string', 'digits'] }),
  group_add: distinctly(listOf({ type: ['string', 'digits'] })),
  ...each('post_start pre_stop', listOf(HOOK)),
  blkio_config: keysOf({
    ...each('device_read_bps device_read_iops device_write_bps device_write_iops', LIMITS_OF_IO),
    weight: WEIGHT,
    weight_device: listOf(keysOf({ path: TEXT, weight: WEIGHT })),
  }),
  cgroup: wordOf('host private'),
  container_name: { type: ['string'], problem: containerNameProblem },
  credential_spec: keysOf(each('config file registry', TEXT)),
  deploy: DEPLOY,
  develop: DEVELOP,
  devices: listOf({
    type: ['string', 'map'],
    problem: deviceProblem,
    keys: each('source target permissions', TEXT),
    required: ['source', 'target'],
  }),
  extra_hosts: distinctly(HOSTS),
  gpus: { type: ['string', 'list'], words: ['all'], items: { ...DEVICE_REQUEST, values: {} } },
  healthcheck: HEALTHCHECK,
  logging: keysOf({ driver: TEXT, options: OPTIONS }),
  models: MODELS,
  networks: distinctly(NETWORKS),
  pid: { type: ['string', 'null'] },
  ports: listOf({
    type: ['digits', 'string', 'map'],
    problem: portProblem,
    keys: {
      ...each('name mode protocol app_protocol', TEXT),
      host_ip: { ...TEXT, problem: addressProblem },
      target: { ...CAST_WHOLE, problem: countProblem },
      published: WHOLE,
    },
    required: ['target'],
  }),
  pre_start: listOf(PRE_START),
  provider: keysOf({ type: TEXT, options: { type: ['map'], values: {} } }, 'type'),
  storage_opt: { type: ['map'], values: { type: ['string', 'number', 'null'] } },
  ulimits: ULIMITS,
  volumes: VOLUMES,
}

/** What bake checks of these keys. */
export const CONTAINER_TEXTS: Readonly<Record<string, Shape>> = {
  ports: { items: { problem: portProblem, keys: { target: { cast: wholeProblem } }, values: {} } },
  volumes: {
    items: {
      problem: volumeProblem,
      keys: { read_only: { cast: switchProblem }, volume: { keys: { nocopy: { cast: switchProblem } }, values: {} } },
      values: {},
    },
  },
}

const EXTERNAL: Shape = { type: ['boolean', 'string', 'map'], keys: { name: TEXT }, values: {}, cast: switchProblem }
const OWNED = { name: TEXT, external: EXTERNAL, labels: LIST_OR_MAP, driver: TEXT, driver_opts: VALUES }

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
        ...each('internal enable_ipv4 enable_ipv6 attachable', CAST_SWITCH),
      }),
    ),
  },
  volumes: { type: ['map'], pattern: NAMED, values: orNull(keysOf({ ...OWNED, labels: distinctly(LIST_OR_MAP) })) },
}
