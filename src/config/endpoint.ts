import { compact } from '../compact.ts'
import { suggest } from '../did-you-mean.ts'
import { badValue } from './values.ts'

/** Where an engine is, and how it is reached. */
export type Endpoint =
  /** xbuild's own engine on this machine. */
  | { readonly kind: 'local' }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsFiles }
  /** `socket` is on the other machine; absent: where its client programs look. */
  | {
      readonly kind: 'ssh'
      readonly host: string
      readonly user?: string
      readonly port?: number
      readonly socket?: string
    }
  /**
   * buildkitd in a container; `context`: the Docker context or endpoint of its engine; `image`: the container is made
   * from it, on `network`, when it is not there.
   */
  | {
      readonly kind: 'container'
      readonly name: string
      readonly context?: string
      readonly image?: string
      readonly network?: string
    }
  /** buildkitd in a Kubernetes pod. */
  | {
      readonly kind: 'pod'
      readonly pod: string
      readonly namespace?: string
      readonly container?: string
      readonly context?: string
    }

/** PEM files of a TLS connection; without `ca` the usual authorities count. */
export interface TlsFiles {
  readonly ca?: string
  /** Certificate and key of the client: both or none. */
  readonly cert?: string
  readonly key?: string
  /** The name in the server's certificate, when it is not the host. */
  readonly servername?: string
  /** Any certificate will do. */
  readonly insecure?: boolean
}

const SCHEMES = ['unix', 'tcp', 'ssh', 'docker-container', 'kube-pod'] as const
const EXAMPLE =
  'Write it like unix:///run/docker.sock, tcp://HOST:2376, ssh://USER@HOST, docker-container://NAME or kube-pod://POD'
const TLS_KEYS = ['ca', 'cert', 'key', 'certs', 'servername', 'insecure', 'tls']

/** Whether a text is meant as an endpoint, and not as a name. */
export function looksLikeEndpoint(text: string): boolean {
  return text === 'local' || text.includes('://')
}

/** Reads an endpoint; settings follow `?` as in a URL. Throws BAD_OPTION, calling it `label`. */
export function parseEndpoint(text: string, label = 'endpoint'): Endpoint {
  if (text === 'local') return { kind: 'local' }
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/([^\0]*)$/i.exec(text) ?? []
  if (scheme === '') throw badValue(label, text, 'it is not an endpoint', EXAMPLE)
  const mark = rest.indexOf('?')
  const place = mark === -1 ? rest : rest.slice(0, mark)
  const settings = readSettings(mark === -1 ? '' : rest.slice(mark + 1), text, label)
  const endpoint = readPlace(scheme.toLowerCase(), place, settings, { text, label })
  const [left] = settings.keys()
  if (left === undefined) return endpoint
  throw badValue(label, text, `${scheme}:// has no setting "${left}"`)
}

/** The endpoint as text, as `parseEndpoint` reads it. */
export function formatEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case 'local':
      return 'local'
    case 'unix':
      return `unix://${endpoint.path}`
    case 'tcp':
      return `tcp://${bracketed(endpoint.host)}:${endpoint.port}${query({ ...endpoint.tls, ...(endpoint.tls && Object.keys(endpoint.tls).length === 0 ? { tls: true } : {}) })}`
    case 'ssh':
      return `ssh://${endpoint.user ? `${endpoint.user}@` : ''}${bracketed(endpoint.host)}${endpoint.port ? `:${endpoint.port}` : ''}${endpoint.socket ?? ''}`
    case 'container':
      return `docker-container://${endpoint.name}${query({ context: endpoint.context, image: endpoint.image, network: endpoint.network })}`
    case 'pod':
      return `kube-pod://${endpoint.pod}${query({ context: endpoint.context, namespace: endpoint.namespace, container: endpoint.container })}`
  }
}

interface Asked {
  readonly text: string
  readonly label: string
}

type Settings = Map<string, string>

function readPlace(scheme: string, place: string, settings: Settings, asked: Asked): Endpoint {
  switch (scheme) {
    case 'unix':
      if (!place.startsWith('/'))
        throw bad(asked, 'the path of the socket is not absolute', 'Write it like unix:///run/docker.sock')
      return { kind: 'unix', path: place }
    case 'tcp':
      return readTcp(place, settings, asked)
    case 'ssh':
      return readSsh(place, asked)
    case 'docker-container':
      if (!NAME.test(place))
        throw bad(asked, 'the name of the container is missing', 'Write it like docker-container://NAME')
      return { kind: 'container', name: place, ...taken(settings, ['context', 'image', 'network']) }
    case 'kube-pod':
      if (!NAME.test(place))
        throw bad(asked, 'the name of the pod is missing', 'Write it like kube-pod://POD?namespace=NAME')
      return { kind: 'pod', pod: place, ...checkedNames(taken(settings, ['namespace', 'container', 'context']), asked) }
    default: {
      const near = suggest(scheme, SCHEMES)
      throw bad(asked, `unknown scheme "${scheme}://"`, near ? `Did you mean ${near}://?` : EXAMPLE)
    }
  }
}

// What starts with a dash would be an option of the program that is given the name
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
const HOST = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9][A-Za-z0-9_.-]*))(?::(\d{1,5}))?$/

function readTcp(place: string, settings: Settings, asked: Asked): Endpoint {
  const [, v6, name, port] = HOST.exec(place.replace(/\/$/, '')) ?? []
  const host = v6 ?? name
  if (host === undefined) throw bad(asked, 'its host is missing', 'Write it like tcp://HOST:2376')
  if (port === undefined) throw bad(asked, 'the port is missing', 'Write it like tcp://HOST:2376')
  if (Number(port) < 1 || Number(port) > 65535) throw bad(asked, `port ${port} is not valid`)
  const tls = readTls(settings, asked)
  return { kind: 'tcp', host, port: Number(port), ...compact({ tls }) }
}

function readTls(settings: Settings, asked: Asked): TlsFiles | undefined {
  const { certs, insecure, tls, ...files } = taken(settings, TLS_KEYS)
  const wanted = tls === undefined ? undefined : isYes(tls, 'tls', asked)
  const some = certs !== undefined || insecure !== undefined || Object.keys(files).length > 0
  if (wanted === false && some) throw bad(asked, 'tls=false contradicts its other settings')
  if (!wanted && !some) return undefined
  const all = { ...(certs === undefined ? {} : tlsFolder(certs)), ...files }
  if ((all.cert === undefined) !== (all.key === undefined))
    throw bad(asked, 'cert and key go together', 'Name both files, or none')
  return { ...all, ...(insecure !== undefined && isYes(insecure, 'insecure', asked) ? { insecure: true } : {}) }
}

/** The three files that Docker's clients expect in a folder of certificates. */
export function tlsFolder(folder: string): Required<Pick<TlsFiles, 'ca' | 'cert' | 'key'>> {
  const path = folder.replace(/\/+$/, '')
  return { ca: `${path}/ca.pem`, cert: `${path}/cert.pem`, key: `${path}/key.pem` }
}

function readSsh(place: string, asked: Asked): Endpoint {
  const slash = place.indexOf('/')
  const socket = slash === -1 ? '' : place.slice(slash).replace(/\/+$/, '')
  const authority = slash === -1 ? place : place.slice(0, slash)
  const at = authority.lastIndexOf('@')
  const user = at === -1 ? undefined : authority.slice(0, at)
  if (user !== undefined && !NAME.test(user)) {
    const state = user.includes(':') ? 'it contains a password' : `"${user}" is not a user name`
    throw bad(
      { ...asked, text: user.includes(':') ? 'ssh://...' : asked.text },
      state,
      'Let ssh ask its agent: ssh://USER@HOST',
    )
  }
  const [, v6, name, port] = HOST.exec(authority.slice(at + 1)) ?? []
  const host = v6 ?? name
  if (host === undefined) throw bad(asked, 'its host is missing', 'Write it like ssh://USER@HOST')
  if (!/^[\w@%+,.:/-]*$/.test(socket))
    throw bad(asked, 'its path has characters other than letters, digits and the punctuation of file names')
  return {
    kind: 'ssh',
    host,
    ...(user ? { user } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(socket ? { socket } : {}),
  }
}

function readSettings(text: string, whole: string, label: string): Settings {
  const settings: Settings = new Map()
  for (const [key, value] of new URLSearchParams(text)) {
    if (settings.has(key)) throw badValue(label, whole, `"${key}" is there twice`)
    if (value === '') throw badValue(label, whole, `"${key}" is empty`)
    settings.set(key, value)
  }
  return settings
}

function taken<K extends string>(settings: Settings, keys: readonly K[]): { [key in K]?: string } {
  const found: { [key in K]?: string } = {}
  for (const key of keys) {
    const value = settings.get(key)
    if (value !== undefined) found[key] = value
    settings.delete(key)
  }
  return found
}

function checkedNames<T extends object>(names: T, asked: Asked): T {
  for (const [key, value] of Object.entries(names))
    if (String(value).startsWith('-')) throw bad(asked, `${key} starts with a dash`)
  return names
}

function isYes(text: string, key: string, asked: Asked): boolean {
  if (/^(1|t|true|yes)$/i.test(text)) return true
  if (/^(0|f|false|no)$/i.test(text)) return false
  throw bad(asked, `${key} is neither true nor false`)
}

function bad({ text, label }: Asked, state: string, hint?: string): Error {
  return badValue(label, text, state, hint)
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function query(settings: Readonly<Record<string, string | boolean | undefined>>): string {
  const pairs = Object.entries(settings).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [`${key}=${encodeURIComponent(String(value)).replaceAll('%2F', '/').replaceAll('%3A', ':')}`],
  )
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
