/** What may stand at a place of a compose file, in the terms of the specification's JSON Schema. */
export interface Shape {
  /** Kinds that may stand there; absent: any. */
  readonly type?: readonly ShapeType[]
  /** Keys of a map; others are errors unless `values` is given. Keys that begin with `x-` are always allowed. */
  readonly keys?: Readonly<Record<string, Shape>>
  /** What stands behind keys that are not named. */
  readonly values?: Shape
  /** What such keys look like. */
  readonly pattern?: RegExp
  readonly required?: readonly string[]
  readonly items?: Shape
}

export type ShapeType = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'list' | 'map'

const ANY: Shape = {}
const TEXT: Shape = { type: ['string'] }
const SWITCH: Shape = { type: ['boolean', 'string'] }
const TEXTS: Shape = { type: ['list'], items: TEXT }
const TEXT_OR_TEXTS: Shape = { type: ['string', 'list'], items: TEXT }
const WHOLE: Shape = { type: ['integer', 'string'] }
const LIST_OR_MAP: Shape = {
  type: ['list', 'map'],
  items: TEXT,
  values: { type: ['string', 'number', 'boolean', 'null'] },
}
const NAMED = /^[a-zA-Z0-9._-]+$/

const BUILD: Shape = {
  type: ['string', 'map'],
  keys: {
    context: TEXT,
    dockerfile: TEXT,
    dockerfile_inline: TEXT,
    entitlements: TEXTS,
    args: LIST_OR_MAP,
    ssh: LIST_OR_MAP,
    labels: LIST_OR_MAP,
    cache_from: TEXTS,
    cache_to: TEXTS,
    no_cache: SWITCH,
    no_cache_filter: TEXT_OR_TEXTS,
    additional_contexts: LIST_OR_MAP,
    network: TEXT,
    provenance: SWITCH,
    sbom: SWITCH,
    pull: SWITCH,
    target: TEXT,
    shm_size: WHOLE,
    extra_hosts: { type: ['list', 'map'], items: TEXT, values: TEXT_OR_TEXTS },
    isolation: TEXT,
    privileged: SWITCH,
    secrets: {
      type: ['list'],
      items: {
        type: ['string', 'map'],
        keys: { source: TEXT, target: TEXT, uid: TEXT, gid: TEXT, mode: { type: ['number', 'string'] } },
      },
    },
    tags: TEXTS,
    ulimits: {
      type: ['map'],
      pattern: /^[a-z]+$/,
      values: {
        type: ['integer', 'string', 'map'],
        keys: { soft: WHOLE, hard: WHOLE },
        required: ['soft', 'hard'],
      },
    },
    platforms: TEXTS,
    'x-xbuild': { type: ['map', 'null'], keys: { test: TEXT_OR_TEXTS } },
    'x-bake': {
      type: ['map', 'null'],
      keys: {
        tags: TEXT_OR_TEXTS,
        'cache-from': TEXT_OR_TEXTS,
        'cache-to': TEXT_OR_TEXTS,
        secret: TEXT_OR_TEXTS,
        ssh: TEXT_OR_TEXTS,
        platforms: TEXT_OR_TEXTS,
        output: TEXT_OR_TEXTS,
        pull: { type: ['boolean'] },
        'no-cache': { type: ['boolean'] },
        'no-cache-filter': TEXT_OR_TEXTS,
        contexts: { type: ['map'], values: TEXT },
      },
    },
  },
}

/** Keys of a service that do not decide how it is built; what stands behind them is not looked at. */
const OF_CONTAINERS =
  'annotations attach blkio_config cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count ' +
  'cpu_percent cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus cpuset credential_spec deploy develop ' +
  'device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint expose external_links extra_hosts gpus ' +
  'group_add healthcheck hostname init ipc isolation label_file labels links logging mac_address mem_limit ' +
  'mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid ' +
  'pids_limit ports post_start pre_start pre_stop privileged provider pull_refresh_after read_only restart runtime ' +
  'scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits ' +
  'use_api_socket user userns_mode uts volumes volumes_from working_dir'

const SERVICE: Shape = {
  type: ['map', 'null'],
  keys: {
    ...Object.fromEntries(OF_CONTAINERS.split(' ').map((key) => [key, ANY])),
    build: BUILD,
    depends_on: {
      type: ['list', 'map'],
      items: TEXT,
      pattern: NAMED,
      values: {
        type: ['map'],
        keys: { restart: SWITCH, required: { type: ['boolean'] }, condition: TEXT },
        required: ['condition'],
      },
    },
    env_file: {
      type: ['string', 'list'],
      items: { type: ['string', 'map'], keys: { path: TEXT, format: TEXT, required: SWITCH }, required: ['path'] },
    },
    environment: LIST_OR_MAP,
    extends: { type: ['string', 'map'], keys: { service: TEXT, file: TEXT }, required: ['service'] },
    image: TEXT,
    platform: TEXT,
    profiles: { type: ['list'], items: TEXT },
    pull_policy: TEXT,
  },
}

const SECRET: Shape = {
  type: ['map'],
  keys: {
    name: TEXT,
    environment: TEXT,
    file: TEXT,
    external: { type: ['boolean', 'string', 'map'] },
    labels: LIST_OR_MAP,
    driver: TEXT,
    driver_opts: { type: ['map'], values: { type: ['string', 'number'] } },
    template_driver: TEXT,
  },
}

/** A compose file as a whole. */
export const COMPOSE_FILE: Shape = {
  type: ['map'],
  keys: {
    version: TEXT,
    name: TEXT,
    include: {
      type: ['list'],
      items: {
        type: ['string', 'map'],
        keys: { path: TEXT_OR_TEXTS, env_file: TEXT_OR_TEXTS, project_directory: TEXT },
      },
    },
    services: { type: ['map'], pattern: NAMED, values: SERVICE },
    secrets: { type: ['map'], pattern: NAMED, values: SECRET },
    models: ANY,
    networks: ANY,
    volumes: ANY,
    configs: ANY,
  },
}
