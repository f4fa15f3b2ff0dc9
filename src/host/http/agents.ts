import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, type RequestOptions, request as httpRequest } from 'node:http'
import type { AgentOptions, Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { XbuildError } from '../../errors.ts'
import { lateAuthorities } from './authorities.ts'
import { proxyFor } from './proxy.ts'
import { checkHost, guardedLookup, type Reach } from './reach.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a host needs beside the usual authorities: a PEM file of its own one, or no check at all. */
export interface TlsSettings {
  readonly ca?: string
  readonly insecure?: boolean
}

/** How one request leaves this machine: its connection pool, and what a plain-http proxy needs to see. */
export interface Route {
  readonly agent: HttpAgent
  /** Set when the request goes to a proxy that forwards it (plain http only). */
  readonly proxy?: URL
}

/** The connection pools of a client: one per kind of TLS settings and proxy, all keep-alive. */
export interface Agents {
  route(url: URL): Route
  close(): void
}

/** What the pools of a client are made with. */
export interface AgentsOptions {
  readonly env: Environment
  /** Knows the hosts (with port, as in a URL) that need settings of their own. */
  readonly tlsOf?: (host: string) => TlsSettings | undefined
  /** What may be connected to; absent: everything. A proxy, and a host with settings of its own, always may. */
  readonly reach?: Reach
}

/** Pools for requests to any host. */
export function createAgents(options: AgentsOptions): Agents {
  const { reach = 'all' } = options
  const guarded = reach === 'all' ? KEEP : { ...KEEP, lookup: guardedLookup(reach) }
  const pools = new Map<string, HttpAgent>()
  const pool = (key: string, make: () => HttpAgent) => {
    const agent = pools.get(key) ?? make()
    pools.set(key, agent)
    return agent
  }
  return {
    route(url) {
      const proxy = proxyFor(url, options.env)
      const config = options.tlsOf?.(url.host)
      if (!config) checkHost(url, reach)
      const keep = config || proxy ? KEEP : guarded
      if (url.protocol === 'http:') {
        const tlsToProxy = proxy?.protocol === 'https:'
        const agent = tlsToProxy
          ? pool('https proxy', () => new (https().Agent)({ ...KEEP, ...lateAuthorities(options.env) }))
          : pool(`http ${keep === guarded}`, () => new HttpAgent(keep))
        return proxy ? { agent, proxy } : { agent }
      }
      const key = `https ${keep === guarded} ${config?.ca ?? ''} ${config?.insecure ?? false} ${proxy?.href ?? ''}`
      return {
        agent: pool(key, () =>
          httpsAgent({ ...keep, ...tlsOptions(url.host, config, options.env) }, proxy, options.env),
        ),
      }
    },
    close() {
      for (const agent of pools.values()) agent.destroy()
      pools.clear()
    },
  }
}

/** The header that logs in to a proxy whose URL has a user and password. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (!proxy.username) return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Loaded when a connection needs them: together they take a millisecond, and registries may be plain http. */
const https = () => process.getBuiltinModule('node:https')
const tls = () => process.getBuiltinModule('node:tls')

const KEEP = { keepAlive: true, keepAliveMsecs: 15_000 }

function tlsOptions(host: string, config: TlsSettings | undefined, env: Environment): ConnectionOptions {
  const own = config?.ca
  return {
    ...(config?.insecure ? { rejectUnauthorized: false } : {}),
    // `ca` replaces Node's own list, NODE_EXTRA_CA_CERTS included, so all three are put together
    ...(own
      ? { ca: [...tls().rootCertificates, readPem(own, host), ...extraCertificates(env)] }
      : lateAuthorities(env)),
  }
}

function extraCertificates(env: Environment): string[] {
  const path = env['NODE_EXTRA_CA_CERTS']
  return path ? [readPem(path, 'NODE_EXTRA_CA_CERTS')] : []
}

function readPem(path: string, owner: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new XbuildError('BAD_OPTION', `Cannot read certificate authority "${path}" of ${owner}`, { cause })
  }
}

function httpsAgent(settings: AgentOptions, proxy: URL | undefined, env: Environment): HttpsAgent {
  const agent = new (https().Agent)(settings)
  if (proxy) {
    agent.createConnection = (target, done) => {
      tunnel(proxy, target, env).then(
        (socket) => done?.(null, tls().connect({ ...(target as ConnectionOptions), socket })),
        (error: Error) => done?.(error, undefined as never),
      )
      return undefined
    }
  }
  return agent
}

/** A raw connection to `target` through a proxy (RFC 9110 section 9.3.6, CONNECT). */
function tunnel(proxy: URL, target: RequestOptions, env: Environment): Promise<Socket> {
  const authority = `${target.host}:${target.port ?? 443}`
  const open = proxy.protocol === 'https:' ? https().request : httpRequest
  return new Promise((resolve, reject) => {
    const request = open(proxy, {
      method: 'CONNECT',
      path: authority,
      agent: false,
      headers: { host: authority, ...proxyAuthorization(proxy) },
      timeout: 30_000,
      ...lateAuthorities(env),
    })
    request.once('connect', (response, socket: Socket) => {
      socket.setTimeout(0)
      if (response.statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(new Error(`the proxy ${proxy.host} answered ${response.statusCode}`))
    })
    request.once('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
    request.once('error', (cause: NodeJS.ErrnoException) => {
      reject(Object.assign(new Error(`the proxy ${proxy.host}: ${cause.message}`, { cause }), { code: cause.code }))
    })
    request.end()
  })
}
