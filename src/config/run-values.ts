import { suggest } from '../did-you-mean.ts'
import { parseReference } from '../oci/reference.ts'
import type { FlagInput } from './flag-values.ts'
import type { AccelMode, Resources, RunOptions, SecretSource, Ulimit } from './run-options.ts'
import { parseSize } from './store-values.ts'
import { badValue, parseAttributes, parseText, splitPair } from './values.ts'

/** `id=NAME[,src=FILE][,env=VARIABLE][,type=file|env]`; without a source the variable NAME, then the file NAME. */
export function secrets(texts: readonly string[], { label, env }: FlagInput): Readonly<Record<string, SecretSource>> {
  return Object.fromEntries(texts.map((text) => parseSecret(text, { label, env })))
}

const SECRET_KEYS = ['id', 'src', 'source', 'env', 'type']

function parseSecret(
  text: string,
  { label, env }: Pick<FlagInput, 'label' | 'env'>,
): readonly [id: string, source: SecretSource] {
  // `--secret NAME` and `--secret type=file,id=...`: the first is short for id=NAME
  const fields = parseAttributes(/[=,]/.test(text) ? text : `id=${text}`, label)
  for (const key of fields.keys()) {
    if (SECRET_KEYS.includes(key)) continue
    const near = suggest(key, SECRET_KEYS)
    throw badValue(
      label,
      text,
      `unknown key "${key}"`,
      near ? `Did you mean ${near}=?` : 'Write it like id=NAME,src=FILE or id=NAME,env=VARIABLE',
    )
  }
  const id = fields.get('id')
  if (!id) throw badValue(label, text, 'it has no id', 'Write it like id=NAME,src=FILE')
  const type = fields.get('type')
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw badValue(label, text, `unknown type "${type}"`, 'The types are file and env')
  const source = fields.get('src') ?? fields.get('source')
  const name = fields.get('env') ?? (type === 'env' ? (source ?? id) : undefined)
  if (name !== undefined && source !== undefined && type !== 'env')
    throw badValue(label, text, 'it has both src and env', 'Leave out one of src and env')
  if (name !== undefined) {
    if (env[name] === undefined) throw badValue(label, text, `the variable "${name}" is not set`)
    return [id, { kind: 'env', name }]
  }
  if (source === undefined && type === undefined && env[id] !== undefined) return [id, { kind: 'env', name: id }]
  return [id, { kind: 'file', path: parseText(source ?? id, label) }]
}

/** All of them. */
export const ACCEL_MODES: readonly AccelMode[] = ['auto', 'off', 'require', 'verify', 'profile', 'speculate']

/** How native toolchains are used. */
export function accel(texts: readonly string[], { label }: FlagInput): AccelMode {
  const mode = ACCEL_MODES.find((known) => known === texts.at(-1))
  if (!mode) throw badValue(label, texts.at(-1) ?? '', 'unknown mode', `The modes are ${ACCEL_MODES.join(', ')}`)
  return mode
}

/** Names of sets of packs, each with the digest that it is trusted by. */
export function packs(texts: readonly string[], { label }: FlagInput): readonly string[] {
  for (const text of texts)
    if (!parseReference(text).digest)
      throw badValue(
        label,
        text,
        'it has no digest',
        'Write NAME@sha256:..., as xbuild pack push printed it: who can write the tag can run programs in your builds',
      )
  return texts
}

/** `default`, `ID`, `ID=SOCKET` or `ID=KEYFILE[,KEYFILE]`. */
export function ssh(texts: readonly string[], { label, env }: FlagInput): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [id, paths] = splitPair(text, label)
      const socket = paths || env['SSH_AUTH_SOCK']
      if (!socket)
        throw badValue(
          label,
          text,
          'no agent is running: SSH_AUTH_SOCK is not set',
          `Start one, or write ${id}=SOCKET or ${id}=KEYFILE`,
        )
      return [id, socket]
    }),
  )
}

/** The network of RUN steps. */
export function network(texts: readonly string[], { label }: FlagInput): RunOptions['network'] {
  const text = texts.at(-1) ?? ''
  if (text === 'none' || text === 'host' || text === 'private') return text
  if (text === 'default' || text === '') return undefined
  throw badValue(label, text, 'unknown network', 'Use default, private, host or none')
}

/** `NAME:IP` or `NAME=IP`; `host-gateway` is this machine, for steps that have its network. */
export function addHosts(texts: readonly string[], { label }: FlagInput): RunOptions['addHosts'] {
  return texts.map((text) => {
    const [, name, written = ''] = /^([^:=\s]+)[:=](.+)$/.exec(text) ?? []
    if (name === undefined) throw badValue(label, text, 'not NAME:IP', 'Write it like db:10.0.0.5')
    const ip = written === 'host-gateway' ? '127.0.0.1' : written.replace(/^\[(.*)\]$/, '$1')
    const isAddress = /^\d{1,3}(\.\d{1,3}){3}$/.test(ip)
      ? ip.split('.').every((part) => Number(part) < 256)
      : /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(ip)
    if (!isAddress) throw badValue(label, text, `"${ip}" is not an IP address`, 'Write it like db:10.0.0.5')
    return { name, ip }
  })
}

const LIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
  'as',
]

/** `NAME=SOFT[:HARD]`; -1 is no limit. The last one of a name wins. */
export function ulimits(texts: readonly string[], { label }: FlagInput): readonly Ulimit[] {
  const found = texts.map((text): Ulimit => {
    const [name, value = ''] = splitPair(text, label)
    const known = LIMITS.includes(name)
    const near = known ? undefined : suggest(name, LIMITS)
    if (!known)
      throw badValue(
        label,
        text,
        `unknown limit "${name}"`,
        near ? `Did you mean ${near}=?` : `The limits are ${LIMITS.join(', ')}`,
      )
    const [, soft, hard = soft] = /^(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(value) ?? []
    if (soft === undefined) throw badValue(label, text, 'not SOFT[:HARD]', 'Write it like nofile=1024:4096')
    const limit = { name, soft: Number(soft), hard: Number(hard) }
    if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard))
      throw badValue(label, text, 'the soft limit is above the hard one')
    return limit
  })
  return [...new Map(found.map((limit) => [limit.name, limit])).values()]
}

const whole = (least: number, most: number) => (text: string) =>
  /^-?\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined
const bytes = (text: string, label: string) => {
  const size = parseSize(text, label)
  return size >= 6 << 20 ? size : undefined
}
const set = (text: string) => (/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(text) ? text : undefined)

type Read = (text: string, label: string) => number | string | undefined

/** As the kernel takes them, and docker. */
const RESOURCES: Readonly<Record<string, { readonly key: keyof Resources; readonly read: Read; readonly is: string }>> =
  {
    memory: { key: 'memory', read: bytes, is: 'at least 6 MiB' },
    'memory-swap': {
      key: 'memorySwap',
      read: (text, label) => (text === '-1' ? -1 : bytes(text, label)),
      is: 'a size',
    },
    'cpu-shares': { key: 'cpuShares', read: whole(2, 262_144), is: '2 to 262144' },
    'cpu-quota': { key: 'cpuQuota', read: whole(1000, 1e12), is: 'at least 1000 microseconds' },
    'cpu-period': { key: 'cpuPeriod', read: whole(1000, 1e6), is: '1000 to 1000000 microseconds' },
    'cpuset-cpus': { key: 'cpusetCpus', read: set, is: 'a list like 0-3,6' },
    'cpuset-mems': { key: 'cpusetMems', read: set, is: 'a list like 0-1' },
    pids: { key: 'pids', read: whole(1, 4_194_304), is: '1 to 4194304' },
  }

/** `NAME=VALUE[,NAME=VALUE]`; the last one of a name wins. */
export function resources(texts: readonly string[], { label }: FlagInput): Resources {
  // A comma may also be one of a list of CPUs
  const found = texts
    .flatMap((text) => text.split(/,(?=[^,=]*=)/))
    .map((text) => {
      const [name, value = ''] = splitPair(text, label)
      const known = Object.hasOwn(RESOURCES, name) ? RESOURCES[name] : undefined
      if (!known) {
        const names = Object.keys(RESOURCES)
        const near = suggest(name, names)
        const hint = near ? `Did you mean ${near}=?` : `The resources are ${names.join(', ')}`
        throw badValue(label, text, `unknown resource "${name}"`, hint)
      }
      const read = known.read(value, label)
      if (read === undefined) throw badValue(label, text, `not ${known.is}`)
      return [known.key, read] as const
    })
  const all: Resources = Object.fromEntries(found)
  const { memory, memorySwap } = all
  if (memorySwap !== undefined && memory === undefined)
    throw badValue(label, texts.join(','), 'memory-swap without memory', 'Name memory=SIZE, too')
  if (memorySwap !== undefined && memorySwap !== -1 && memorySwap < memory!)
    throw badValue(label, texts.join(','), 'memory-swap is less than memory, which is part of it')
  return all
}

/** Bytes; none are as many as without the flag, as with docker. */
export function shmSize(texts: readonly string[], { label }: FlagInput): number | undefined {
  return parseSize(texts.at(-1) ?? '', label) || undefined
}

/** Comma-separated names of stages, in lower case. */
export function stages(texts: readonly string[], { label }: FlagInput): readonly string[] {
  return texts.flatMap((text) => text.split(',')).map((name) => parseText(name.trim(), label).toLowerCase())
}

const ENTITLEMENTS = ['network.host', 'security.insecure', 'device']

/** Entitlements as buildx takes them; which of them an engine grants is its own matter. */
export function allow(texts: readonly string[], { label }: FlagInput): readonly string[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      if (ENTITLEMENTS.includes(text) || /^device=.+$/.test(text)) return text
      const near = suggest(text, ENTITLEMENTS)
      throw badValue(
        label,
        text,
        'there is no such entitlement',
        near ? `Did you mean ${near}?` : `The entitlements are ${ENTITLEMENTS.join(', ')}`,
      )
    })
}
