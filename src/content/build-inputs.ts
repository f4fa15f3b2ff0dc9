import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { SecretSource } from '../config/run-options.ts'
import { XbuildError } from '../errors.ts'

/** What a build may show to its steps, but never keep. */
export interface BuildInputs {
  /** Content of a `--secret`; undefined when there is none with that id. */
  secret(id: string): Promise<Buffer | undefined>
  /** Path of the socket of an `--ssh` agent, if there is one. */
  agent(id: string): string | undefined
  /** Where a secret or an agent comes from: equal for inputs that give the same. */
  sourceOf(kind: 'secret' | 'ssh', id: string): unknown
  /** Ends agents that were started for the build. */
  close(): Promise<void>
}

type Env = Readonly<Record<string, string | undefined>>

interface Given {
  readonly secrets?: Readonly<Record<string, SecretSource>>
  readonly cwd: string
}

/** As many bytes as BuildKit takes. */
const MAX_SECRET = 500 << 10

/**
 * Checks that every secret and agent is there, so that no step runs in vain. Contents are read by the step that wants
 * them.
 */
export async function openBuildInputs(
  { secrets = {}, ssh = {}, cwd }: Given & { readonly ssh?: Readonly<Record<string, string>> },
  {
    env,
    secretEnv = env,
    hide,
  }: { readonly env: Env; readonly secretEnv?: Env | undefined; readonly hide?: HideSecret | undefined },
): Promise<BuildInputs> {
  const secret = secretsOf({ secrets, cwd }, secretEnv, hide)
  for (const [id, source] of Object.entries(secrets)) {
    const isWhole = source.kind === 'env' || (await checkFile(id, resolve(cwd, source.path)))
    // Steps that are known, and the provenance, may say it, too. What can be read once waits for its step; what cannot
    // be read is told there
    if (hide && isWhole) await secret(id).catch(() => undefined)
  }
  const { agents, close } = await openAgents(
    Object.entries(ssh).map(([id, text]) => [id, text.split(',').map((path) => resolve(cwd, path))]),
    env,
  )
  return {
    secret,
    agent: (id) => agents.get(id),
    sourceOf: (kind, id) => [kind, id, (kind === 'secret' ? secrets[id] : ssh[id]) ?? null, cwd],
    close,
  }
}

/** Told of a secret before anybody is given it: nothing of it may be said from then on. */
export type HideSecret = (secret: Buffer | string) => void

/** Reads secrets by their ids. */
export function secretsOf(
  { secrets = {}, cwd }: Given,
  env: Readonly<Record<string, string | undefined>>,
  hide: HideSecret = () => undefined,
): BuildInputs['secret'] {
  return async (id) => {
    const source = Object.hasOwn(secrets, id) ? secrets[id] : undefined
    if (!source) return undefined
    const content =
      source.kind === 'env' ? Buffer.from(env[source.name] ?? '') : await readFile(resolve(cwd, source.path))
    if (content.length > MAX_SECRET) throw tooLong(id, content.length)
    hide(content)
    // As git sends it
    if (id.startsWith('GIT_AUTH_TOKEN')) hide(btoa(`x-access-token:${content.toString('latin1').trim()}`))
    return content
  }
}

/** Whether it can be read as often as one likes. */
async function checkFile(id: string, path: string): Promise<boolean> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new XbuildError(
      'NOT_FOUND',
      `Cannot read the secret "${id}" from "${path}": ${cause.code === 'ENOENT' ? 'no such file' : cause.message}`,
      {
        cause,
        hint: 'Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE',
      },
    )
  })
  if (!found.isFile() && !found.isFIFO() && !found.isCharacterDevice())
    throw new XbuildError('NOT_FOUND', `Cannot read the secret "${id}" from "${path}": it is not a file`)
  if (found.size > MAX_SECRET) throw tooLong(id, found.size)
  return found.isFile()
}

/** Sockets by id; for key files an agent is started. */
async function openAgents(
  wanted: readonly (readonly [id: string, paths: readonly string[]])[],
  env: Readonly<Record<string, string | undefined>>,
) {
  const agents = new Map<string, string>()
  const started: { close(): Promise<void> }[] = []
  const close = async () => void (await Promise.all(started.splice(0).map((agent) => agent.close())))
  try {
    for (const [id, paths] of wanted) {
      const sockets = await Promise.all(paths.map((path) => isSocket(id, path)))
      if (sockets.every((is) => !is)) {
        const { startKeyAgent } = await import('./key-agent.ts')
        const agent = await startKeyAgent(paths, { env })
        started.push(agent)
        agents.set(id, agent.socket)
      } else if (paths.length === 1) agents.set(id, paths[0]!)
      else
        throw new XbuildError(
          'BAD_OPTION',
          `Cannot use --ssh ${id}=${paths.join(',')}: a socket cannot be combined with other paths`,
          {
            hint: 'Give one socket, or only key files',
          },
        )
    }
    return { agents, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function isSocket(id: string, path: string): Promise<boolean> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new XbuildError('NOT_FOUND', `Cannot reach the ssh agent "${id}" at "${path}": no such file`, {
      cause,
      hint: 'Name the socket of an agent or a key file, or start an agent: eval $(ssh-agent); ssh-add',
    })
  })
  return found.isSocket()
}

function tooLong(id: string, bytes: number): XbuildError {
  return new XbuildError(
    'BAD_OPTION',
    `Cannot use the secret "${id}": it has ${bytes} bytes, the limit is ${MAX_SECRET}`,
  )
}
