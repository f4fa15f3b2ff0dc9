import { createHash } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoint, parseEndpoint, tlsFolder, type TlsFiles } from '../config/endpoint.ts'
import { XbuildError } from '../errors.ts'
import { homeFolder } from '../host/home.ts'

/** The variables that say where engines and settings are. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_SOCKET = '/var/run/docker.sock'

/** The folder of Docker's settings. */
export function dockerFolder(env: Environment): string {
  return env['DOCKER_CONFIG'] || join(homeFolder(env), '.docker')
}

/** The engine that DOCKER_HOST names, if it does. Throws BAD_OPTION. */
export function dockerHost(env: Environment): Endpoint | undefined {
  const text = env['DOCKER_HOST']
  if (!text) return undefined
  const endpoint = readDockerEndpoint(text, 'DOCKER_HOST')
  if (endpoint.kind !== 'tcp' || (!env['DOCKER_TLS_VERIFY'] && !env['DOCKER_TLS'])) return endpoint
  const files = tlsFolder(env['DOCKER_CERT_PATH'] || dockerFolder(env))
  return { ...endpoint, tls: env['DOCKER_TLS_VERIFY'] ? files : { ...files, insecure: true } }
}

/** The BuildKit that BUILDKIT_HOST names, if it does. Throws BAD_OPTION. */
export function buildkitHost(env: Environment): Endpoint | undefined {
  return env['BUILDKIT_HOST'] ? parseEndpoint(env['BUILDKIT_HOST'], 'BUILDKIT_HOST') : undefined
}

/** The engine that `docker` would talk to: DOCKER_HOST, the current context, or the usual socket. */
export async function currentEngine(env: Environment): Promise<Endpoint> {
  const host = dockerHost(env)
  if (host) return host
  const context = env['DOCKER_CONTEXT'] || (await currentContext(env))
  return (context && context !== 'default' ? await dockerContext(context, env) : undefined) ?? usualSocket(env)
}

/** The address of the engine that `docker` would talk to, as it is written: settings name engines so. */
export async function currentHost(env: Environment): Promise<string> {
  if (env['DOCKER_HOST']) return env['DOCKER_HOST']
  const context = env['DOCKER_CONTEXT'] || (await currentContext(env))
  const host = context && context !== 'default' ? hostOf(await contextMeta(context, env)) : undefined
  return typeof host === 'string' ? host : `unix://${DEFAULT_SOCKET}`
}

/**
 * The engine of a Docker context; undefined when there is no context of that name. Throws BAD_OPTION when it cannot
 * be used.
 */
export async function dockerContext(name: string, env: Environment): Promise<Endpoint | undefined> {
  if (name === 'default') return dockerHost(env) ?? usualSocket(env)
  const meta = await contextMeta(name, env)
  if (meta === undefined) return undefined
  const host = hostOf(meta)
  const skip = meta.Endpoints?.docker?.SkipTLSVerify
  if (typeof host !== 'string')
    throw new XbuildError('BAD_OPTION', `Cannot use Docker context "${name}": it has no Docker endpoint`, {
      hint: `See docker context inspect ${name}`,
    })
  const endpoint = readDockerEndpoint(host, `Docker context "${name}"`)
  if (endpoint.kind !== 'tcp') return endpoint
  const files = await existing(tlsFolder(join(contextsFolder(env), 'tls', idOf(name), 'docker')))
  if (Object.keys(files).length === 0 && !skip) return endpoint
  return { ...endpoint, tls: { ...files, ...(skip === true ? { insecure: true } : {}) } }
}

/** Names of all Docker contexts, for suggestions. */
export async function dockerContexts(env: Environment): Promise<readonly string[]> {
  const { readdir } = await import('node:fs/promises')
  const folder = join(contextsFolder(env), 'meta')
  const ids = await readdir(folder).catch((): string[] => [])
  const metas = await Promise.all(ids.map((id) => readJson(join(folder, id, 'meta.json')).catch(() => undefined)))
  return metas
    .flatMap((meta) =>
      typeof (meta as ContextMeta | undefined)?.Name === 'string' ? [(meta as ContextMeta).Name!] : [],
    )
    .sort()
}

/** What is in a JSON file; undefined when there is none. Throws BAD_OPTION when it is no object. */
export async function readJson(path: string): Promise<object | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new XbuildError('BAD_OPTION', `Cannot read "${path}": ${(cause as Error).message}`, { cause })
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // said below
  }
  throw new XbuildError('BAD_OPTION', `Cannot read "${path}": it is not a JSON object`, {
    hint: 'Correct or remove the file',
  })
}

interface ContextMeta {
  readonly Name?: string
  readonly Endpoints?: { readonly docker?: { readonly Host?: unknown; readonly SkipTLSVerify?: unknown } }
}

function contextsFolder(env: Environment): string {
  return join(dockerFolder(env), 'contexts')
}

function idOf(context: string): string {
  return createHash('sha256').update(context).digest('hex')
}

async function contextMeta(name: string, env: Environment): Promise<ContextMeta | undefined> {
  return readJson(join(contextsFolder(env), 'meta', idOf(name), 'meta.json'))
}

function hostOf(meta: ContextMeta | undefined): unknown {
  return meta?.Endpoints?.docker?.Host
}

function usualSocket(env: Environment): Endpoint {
  // Docker without root listens in the user's own folder
  const own = env['XDG_RUNTIME_DIR']
  const path =
    own && process.geteuid?.() !== 0 && process.getBuiltinModule('node:fs').existsSync(join(own, 'docker.sock'))
      ? join(own, 'docker.sock')
      : DEFAULT_SOCKET
  return { kind: 'unix', path }
}

async function currentContext(env: Environment): Promise<string | undefined> {
  const config = await readJson(join(dockerFolder(env), 'config.json'))
  const name = (config as { currentContext?: unknown } | undefined)?.currentContext
  return typeof name === 'string' ? name : undefined
}

/** Docker leaves out ports and schemes where it has a habit. */
function readDockerEndpoint(text: string, label: string): Endpoint {
  const full = text.includes('://') ? text : `tcp://${text}`
  const bare = /^tcp:\/\/(\[[^\]]*\]|[^:/?]*)\/?$/.exec(full)
  return parseEndpoint(
    full === 'unix://' ? `unix://${DEFAULT_SOCKET}` : bare ? `tcp://${bare[1] || '127.0.0.1'}:2375` : full,
    label,
  )
}

async function existing(files: Required<Pick<TlsFiles, 'ca' | 'cert' | 'key'>>): Promise<TlsFiles> {
  const found = await Promise.all(
    Object.entries(files).map(async ([kind, path]) =>
      access(path).then(
        () => [[kind, path] as const],
        () => [],
      ),
    ),
  )
  return Object.fromEntries(found.flat())
}
