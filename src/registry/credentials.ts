import { XbuildError } from '../errors.ts'
import { type ExecOptions, type ExecResult, exec } from '../host/exec.ts'
import { type CredentialFile, type FileEntry, readCredentialFiles } from './credential-files.ts'

/** How xbuild may present itself to a registry, and where that was found. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly username: string; readonly password: string; readonly from: string }
  /** An OAuth refresh token: it buys access tokens. */
  | { readonly kind: 'identity'; readonly token: string; readonly from: string }
  /** An access token, sent as it is. */
  | { readonly kind: 'registry'; readonly token: string; readonly from: string }

/** The credentials of this user. */
export interface Credentials {
  /**
   * The first that fits, the most specific repository first; files in their order; in a file: credHelpers,
   * credsStore, auths.
   */
  find(host: string, repository: string): Promise<Credential>
  /** The files that were searched, for hints. */
  searched(): Promise<string>
}

type Run = (file: string, args: readonly string[], options: ExecOptions) => Promise<ExecResult>

export interface CredentialsOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Told about a file or helper that cannot be used; the search goes on without it. */
  readonly say: (message: string) => void
  /** Told of passwords and tokens before anybody is given them. */
  readonly hide?: ((secret: string) => void) | undefined
  readonly run?: Run
}

const HUB_KEY = 'https://index.docker.io/v1/'
const HELPER_TIMEOUT = 60_000

export function createCredentials(options: CredentialsOptions): Credentials {
  let reading: ReturnType<typeof readCredentialFiles> | undefined
  const known = new Map<string, Promise<Credential>>()
  const read = () =>
    (reading ??= readCredentialFiles(options.env).then((found) => {
      found.problems.forEach(options.say)
      return found
    }))

  return {
    find(host, repository) {
      const key = `${host}/${repository}`
      const credential = known.get(key) ?? search(host, repository).then(hidden)
      known.set(key, credential)
      return credential
    },
    searched: async () => (await read()).searched.join(', '),
  }

  function hidden(credential: Credential): Credential {
    const secrets =
      credential.kind === 'password'
        ? [credential.password, Buffer.from(`${credential.username}:${credential.password}`).toString('base64')]
        : credential.kind === 'none'
          ? []
          : [credential.token]
    for (const secret of secrets) options.hide?.(secret)
    return credential
  }

  async function search(host: string, repository: string): Promise<Credential> {
    for (const file of (await read()).files) {
      const helper = file.credHelpers[host] ?? file.credHelpers[serverKey(host)] ?? file.credsStore
      const kept = helper === undefined ? undefined : await askHelper(helper, host, file.from)
      const credential = kept ?? fromEntry(findEntry(file, host, repository), file.from)
      if (credential) return credential
    }
    return { kind: 'none' }
  }

  /** The helper protocol: `docker-credential-NAME get`, the server on stdin, JSON on stdout. */
  async function askHelper(name: string, host: string, from: string): Promise<Credential | undefined> {
    const program = `docker-credential-${name}`
    const problem = (state: string) =>
      void options.say(`Cannot ask "${program}" (named in ${from}) for ${host}: ${state}`)
    if (!/^[\w.-]+$/.test(name)) return problem('this is not a program name')
    try {
      const { stdout, exitCode } = await (options.run ?? exec)(program, ['get'], {
        input: serverKey(host),
        env: options.env,
        signal: AbortSignal.timeout(HELPER_TIMEOUT),
      })
      if (exitCode === 0) return fromHelper(stdout, program) ?? problem('it did not answer with a name and a secret')
      // Its words may hold secrets, so they are not repeated
      return /credentials not found/i.test(stdout) ? undefined : problem(`exit status ${exitCode}`)
    } catch (error) {
      return problem(
        error instanceof XbuildError && error.code === 'CANCELED'
          ? 'it did not answer in a minute'
          : 'it cannot be run',
      )
    }
  }
}

function serverKey(host: string): string {
  return host === 'docker.io' ? HUB_KEY : host
}

function fromHelper(stdout: string, program: string): Credential | undefined {
  try {
    const { Username, Secret } = JSON.parse(stdout) as { Username?: unknown; Secret?: unknown }
    if (typeof Username !== 'string' || typeof Secret !== 'string' || Secret === '') return undefined
    if (Username === '<token>') return { kind: 'identity', token: Secret, from: program }
    return { kind: 'password', username: Username, password: Secret, from: program }
  } catch {
    return undefined
  }
}

/** Podman files entries under `host/name/space` too: the longest that fits wins; Docker's keys may be URLs. */
function findEntry(file: CredentialFile, host: string, repository: string): FileEntry | undefined {
  const entries = new Map(Object.entries(file.auths).map(([key, entry]) => [normalKey(key), entry]))
  const parts = repository.split('/')
  for (let count = parts.length; count > 0; count--) {
    const entry = entries.get([host, ...parts.slice(0, count)].join('/'))
    if (entry) return entry
  }
  return entries.get(host)
}

function normalKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, '')
  const isUrl = bare !== key || /\/v[12]\/?$/.test(bare)
  const host = bare.split('/')[0] ?? ''
  if (host === 'index.docker.io' || host === 'registry-1.docker.io') return 'docker.io'
  return isUrl ? host : bare.replace(/\/+$/, '')
}

function fromEntry(entry: FileEntry | undefined, from: string): Credential | undefined {
  if (!entry) return undefined
  if (entry.registrytoken) return { kind: 'registry', token: entry.registrytoken, from }
  if (entry.identitytoken) return { kind: 'identity', token: entry.identitytoken, from }
  const pair = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '') : undefined
  const colon = pair?.indexOf(':') ?? -1
  if (pair !== undefined && colon > 0)
    return { kind: 'password', username: pair.slice(0, colon), password: pair.slice(colon + 1), from }
  if (entry.username && entry.password)
    return { kind: 'password', username: entry.username, password: entry.password, from }
  return undefined
}
