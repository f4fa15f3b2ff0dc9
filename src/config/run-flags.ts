import type { BuildFlag } from './flag.ts'
import { userOnly } from './project.ts'
import * as rule from './project-rules.ts'
import type { RunOptions } from './run-options.ts'
import * as read from './run-values.ts'

/** Flags for what RUN steps see. */
export const RUN_FLAGS: { readonly [K in keyof RunOptions]-?: BuildFlag<RunOptions[K]> } = {
  secrets: {
    name: 'secret',
    project: userOnly('it reads a secret of the user'),
    placeholder: 'id=NAME[,src=FILE|env=VARIABLE]',
    repeat: true,
    group: 'common',
    help: 'Show a secret to steps with RUN --mount=type=secret,id=NAME; it is never kept',
    absent: undefined,
    parse: read.secrets,
  },
  ssh: {
    name: 'ssh',
    project: userOnly("it lets steps sign with the user's ssh keys"),
    placeholder: 'default|ID[=SOCKET|KEYFILE]',
    repeat: true,
    group: 'common',
    help: 'Let steps with RUN --mount=type=ssh sign with the keys of an ssh agent, or of files',
    default: 'SSH_AUTH_SOCK as the socket',
    absent: undefined,
    parse: read.ssh,
  },
  network: {
    name: 'network',
    project: rule.setsNetwork,
    placeholder: 'default|private|host|none',
    group: 'advanced',
    key: 'network',
    help:
      'Network of RUN steps that do not say; default is one of their own where pasta or slirp4netns is installed, ' +
      'else that of the host; private is never that of the host; host allows RUN --network=host, too',
    absent: undefined,
    parse: read.network,
  },
  addHosts: {
    name: 'add-host',
    project: rule.addsHost,
    placeholder: 'NAME:IP',
    repeat: true,
    group: 'advanced',
    key: 'add-hosts',
    help: 'Line for /etc/hosts of RUN steps; host-gateway as IP is this machine, with --network host',
    absent: undefined,
    parse: read.addHosts,
  },
  ulimits: {
    name: 'ulimit',
    project: rule.setsLimit,
    placeholder: 'NAME=SOFT[:HARD]',
    repeat: true,
    group: 'advanced',
    key: 'ulimits',
    help: 'Resource limit of RUN steps, like nofile=1024:4096',
    absent: undefined,
    parse: read.ulimits,
  },
  resources: {
    name: 'resource',
    placeholder: 'NAME=VALUE',
    repeat: true,
    group: 'advanced',
    key: 'resources',
    help: 'What a RUN step of root for this CPU may use, like memory=2g,pids=500: also memory-swap, cpu-shares, cpu-quota, cpu-period, cpuset-cpus, cpuset-mems',
    absent: undefined,
    parse: read.resources,
  },
  shmSize: {
    name: 'shm-size',
    project: 'free',
    placeholder: 'SIZE',
    group: 'advanced',
    key: 'shm-size',
    help: 'Size of /dev/shm in RUN steps',
    default: '64m',
    absent: undefined,
    parse: read.shmSize,
  },
  accel: {
    name: 'accel',
    project: 'free',
    placeholder: 'auto|off|require|verify',
    group: 'advanced',
    env: 'XBUILD_ACCEL',
    key: 'accel',
    help:
      'Run compilers of emulated steps natively, from packs that write the same bytes: auto where there are any, require to fail where there is none, ' +
      'verify to run every step both ways and compare',
    default: 'auto',
    absent: undefined,
    parse: read.accel,
  },
  noCacheFilter: {
    name: 'no-cache-filter',
    project: 'free',
    placeholder: 'STAGE',
    repeat: true,
    group: 'advanced',
    help: 'Run the steps of these stages anew, and what is made from them; separated by commas',
    absent: undefined,
    parse: read.stages,
  },
  allow: {
    name: 'allow',
    project: userOnly('it gives steps a right'),
    placeholder: 'ENTITLEMENT',
    repeat: true,
    group: 'advanced',
    help: 'Right that steps may take: network.host for RUN --network=host; security.insecure and device[=NAME] on BuildKit nodes only',
    absent: undefined,
    parse: read.allow,
  },
}
