import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { suggestionHint } from '../did-you-mean.ts'
import { shorten } from './flags.ts'
import { parseMount } from './mount.ts'
import { cleanPath, resolvePath, sourcePath } from './paths.ts'
import type { StageSource } from './stage-source.ts'

/** One `RUN --mount`, everything resolved but where it comes from on this machine. Targets are absolute and clean. */
export type RunMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount

/** Files of a stage, an image or a context. */
export interface BindMount {
  readonly type: 'bind'
  readonly target: string
  /** Absent: the build context. */
  readonly from?: StageSource
  /** Relative to the root of what is mounted; `.` for all of it. */
  readonly source: string
  /** What the command writes there is thrown away. */
  readonly writable: boolean
}

/** A folder that outlives the build. */
export interface CacheMount {
  readonly type: 'cache'
  readonly target: string
  /** What names the folder. */
  readonly id: string
  /** Whether several commands may have it at a time, get one each, or wait for each other. */
  readonly sharing: 'shared' | 'private' | 'locked'
  /** What a new folder starts with; absent: nothing. */
  readonly from?: StageSource
  readonly source: string
  readonly readonly: boolean
  /** Of a new folder. */
  readonly owner: FileOwner
}

/** A folder in memory. */
export interface TmpfsMount {
  readonly type: 'tmpfs'
  readonly target: string
  /** Bytes; absent: half of the memory. */
  readonly size?: number
}

/** A `--secret`, as a file, a variable or both. */
export interface SecretMount {
  readonly type: 'secret'
  readonly id: string
  /** Absent: no file. */
  readonly target?: string
  /** Name of the variable; absent: none. */
  readonly env?: string
  readonly required: boolean
  readonly owner: FileOwner
}

/** An `--ssh` agent. */
export interface SshMount {
  readonly type: 'ssh'
  readonly id: string
  readonly target: string
  readonly required: boolean
  readonly owner: FileOwner
}

/** Permission bits and numeric owner of something that is made for a mount. */
export interface FileOwner {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** What a mount is read against. */
export interface MountScope {
  /** Absolute: where relative targets start. */
  readonly cwd: string
  /** What a `from` means. */
  readonly sourceOf: (from: string) => StageSource
  /** Put before the ids of caches. */
  readonly cacheNamespace?: string | undefined
}

const OWNER_KEYS = ['mode', 'uid', 'gid'] as const
const KEYS = {
  bind: ['type', 'target', 'source', 'from', 'ro', 'rw'],
  cache: ['type', 'target', 'id', 'sharing', 'from', 'source', 'ro', 'rw', ...OWNER_KEYS],
  tmpfs: ['type', 'target', 'size'],
  secret: ['type', 'target', 'id', 'source', 'env', 'required', ...OWNER_KEYS],
  ssh: ['type', 'target', 'id', 'source', 'required', ...OWNER_KEYS],
} as const
const TYPES = Object.keys(KEYS) as RunMount['type'][]
const SHARINGS = ['shared', 'private', 'locked'] as const
const ALIASES: Readonly<Record<string, string>> = {
  dst: 'target',
  destination: 'target',
  src: 'source',
  readonly: 'ro',
  readwrite: 'rw',
}
const FLAGS: readonly string[] = ['ro', 'rw', 'required']

type Fields = ReadonlyMap<string, string>

/**
 * Reads the `--mount` values of one RUN, variables expanded; sorted by target, so that a mount inside another comes
 * after it. Throws BAD_DOCKERFILE.
 */
export function parseRunMounts(texts: readonly string[], scope: MountScope): RunMount[] {
  let agents = 0
  const mounts = texts.map((text) => {
    const mount = parseOne(text, { ...scope, nextAgent: () => `/run/buildkit/ssh_agent.${agents++}` })
    if ('target' in mount && mount.target === '/') throw bad(text, 'its target is "/"', 'Name a folder below it')
    return mount
  })
  const targetOf = (mount: RunMount) => mount.target ?? ''
  return mounts.toSorted((a, b) => (targetOf(a) < targetOf(b) ? -1 : targetOf(a) > targetOf(b) ? 1 : 0))
}

function parseOne(text: string, scope: MountScope & { nextAgent: () => string }): RunMount {
  const { problem } = parseMount(text)
  if (problem !== undefined) throw bad(text, problem)
  const typeText = parseMount(text).fields.findLast(({ key }) => key === 'type')?.value ?? 'bind'
  const type = TYPES.find((known) => known === typeText)
  if (!type)
    throw bad(
      text,
      `unknown type "${shorten(typeText)}"`,
      suggestionHint(typeText, TYPES, `The types are ${TYPES.join(', ')}`),
    )
  const fields = readFields(text, type)
  const target = fields.get('target')
  const absolute = target === undefined ? undefined : resolvePath(scope.cwd, target)
  const from = fields.get('from')
  const source = { ...(from ? { from: scope.sourceOf(from) } : {}), source: sourcePath(fields.get('source') ?? '.') }
  switch (type) {
    case 'bind':
      return {
        type,
        target: needed(text, absolute),
        ...source,
        writable: fields.get('rw') === 'true' || fields.get('ro') === 'false',
      }
    case 'cache': {
      const id = fields.get('id') || cleanPath(target ?? '')
      return {
        type,
        target: needed(text, absolute),
        id: scope.cacheNamespace ? `${scope.cacheNamespace}/${id}` : id,
        sharing: sharingOf(text, fields),
        ...source,
        readonly: fields.get('ro') === 'true' || fields.get('rw') === 'false',
        owner: ownerOf(text, fields, 0o755),
      }
    }
    case 'tmpfs': {
      const size = fields.get('size')
      return { type, target: needed(text, absolute), ...(size === undefined ? {} : { size: sizeOf(text, size) }) }
    }
    case 'secret':
      return secretOf(text, fields, absolute)
    case 'ssh':
      return {
        type,
        id: fields.get('source') || fields.get('id') || 'default',
        target: absolute ?? scope.nextAgent(),
        required: fields.get('required') === 'true',
        owner: ownerOf(text, fields, 0o600),
      }
  }
}

function secretOf(text: string, fields: Fields, target: string | undefined): SecretMount {
  const id = fields.get('source') || fields.get('id') || target?.split('/').at(-1)
  if (!id) throw bad(text, 'it has no id', 'Write id=NAME, and give the build --secret id=NAME,src=FILE')
  const env = fields.get('env')
  if (env !== undefined && !/^[^=\0]+$/.test(env)) throw bad(text, `"${shorten(env)}" is not a valid variable name`)
  const file = target ?? (env === undefined ? resolvePath('/run/secrets', id) : undefined)
  return {
    type: 'secret',
    id,
    ...compact({ target: file, env }),
    required: fields.get('required') === 'true',
    owner: ownerOf(text, fields, 0o400),
  }
}

/** Fields by their full names; those that are on or off hold `true` or `false`. */
function readFields(text: string, type: RunMount['type']): Fields {
  const known: readonly string[] = KEYS[type]
  const found = new Map<string, string>()
  for (const { key: written, value } of parseMount(text).fields) {
    const key = Object.hasOwn(ALIASES, written) ? ALIASES[written]! : written
    if (!known.includes(key)) {
      const otherTypes = TYPES.filter((other) => (KEYS[other] as readonly string[]).includes(key))
      const names = known.flatMap((name) => [name, ...Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name)])
      const otherwise =
        otherTypes.length > 0 ? `It belongs to type=${otherTypes.join(', type=')}` : `Use one of ${known.join(', ')}`
      const hint = otherTypes.length > 0 ? otherwise : suggestionHint(written, names, otherwise)
      throw bad(text, `type=${type} has no "${shorten(written)}"`, hint)
    }
    if (FLAGS.includes(key)) {
      const flag = (value ?? 'true').toLowerCase()
      if (!/^(true|false|1|0)$/.test(flag))
        throw bad(text, `"${shorten(value ?? '')}" of ${written} is neither true nor false`)
      found.set(key, flag === '1' ? 'true' : flag === '0' ? 'false' : flag)
    } else if (value === undefined) throw bad(text, `"${written}" has no value`, `Write ${written}=VALUE`)
    else found.set(key, value)
  }
  return found
}

function sharingOf(text: string, fields: Fields): CacheMount['sharing'] {
  const value = fields.get('sharing') ?? 'shared'
  const sharing = SHARINGS.find((known) => known === value)
  if (!sharing)
    throw bad(
      text,
      `unknown sharing "${shorten(value)}"`,
      suggestionHint(value, SHARINGS, `Use one of ${SHARINGS.join(', ')}`),
    )
  return sharing
}

function ownerOf(text: string, fields: Fields, mode: number): FileOwner {
  const written = fields.get('mode')
  if (written !== undefined && !/^0?[0-7]{1,4}$/.test(written))
    throw bad(text, `mode "${shorten(written)}" is not octal`, 'Write it like mode=0440')
  return {
    mode: written === undefined ? mode : Number.parseInt(written, 8),
    uid: idOf(text, fields, 'uid'),
    gid: idOf(text, fields, 'gid'),
  }
}

function idOf(text: string, fields: Fields, key: 'uid' | 'gid'): number {
  const value = fields.get(key) ?? '0'
  if (!/^\d{1,10}$/.test(value) || Number(value) >= 2 ** 32 - 1)
    throw bad(text, `${key} "${shorten(value)}" is not a number`, `Write it like ${key}=1000`)
  return Number(value)
}

const UNITS = ['', 'k', 'm', 'g', 't', 'p']

function sizeOf(text: string, size: string): number {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgtp]?)(?:i?b)?$/i.exec(size) ?? []
  const bytes =
    digits === undefined ? Number.NaN : Math.round(Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase()))
  if (!Number.isSafeInteger(bytes)) throw bad(text, `"${shorten(size)}" is not a size`, 'Write it like size=64m')
  return bytes
}

function needed(text: string, target: string | undefined): string {
  if (target === undefined) throw bad(text, 'it has no target', 'Write target=FOLDER')
  return target
}

function bad(text: string, state: string, hint?: string): XbuildError {
  return new XbuildError(
    'BAD_DOCKERFILE',
    `Cannot use mount "${shorten(text)}": ${state}`,
    hint === undefined ? {} : { hint },
  )
}
