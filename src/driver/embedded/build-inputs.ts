import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { SecretSource } from '../../config/run-options.ts'
import { XbuildError } from '../../errors.ts'

/** What a build may show to its steps, but never keep. */
export interface BuildInputs {
  /** Content of a `--secret`; undefined when there is none with that id. */
  secret(id: string): Promise<Buffer | undefined>
  /** Path of the socket of an `--ssh` agent, if there is one. */
  agent(id: string): string | undefined
}

/** As many bytes as BuildKit takes. */
const MAX_SECRET = 500 << 10

/** Checks that every secret and agent is there, so that no step runs in vain. Contents are read by the step that wants them. */
export async function openBuildInputs(
  { secrets = {}, ssh = {}, cwd }: { secrets?: Readonly<Record<string, SecretSource>>; ssh?: Readonly<Record<string, string>>; cwd: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<BuildInputs> {
  for (const [id, source] of Object.entries(secrets)) {
    if (source.kind === 'file') await checkFile(id, resolve(cwd, source.path))
  }
  for (const [id, path] of Object.entries(ssh)) await checkSocket(id, resolve(cwd, path))
  return {
    async secret(id) {
      const source = Object.hasOwn(secrets, id) ? secrets[id] : undefined
      if (!source) return undefined
      const content = source.kind === 'env' ? Buffer.from(env[source.name] ?? '') : await readFile(resolve(cwd, source.path))
      if (content.length > MAX_SECRET) throw tooLong(id, content.length)
      return content
    },
    agent: (id) => (Object.hasOwn(ssh, id) ? resolve(cwd, ssh[id]!) : undefined),
  }
}

async function checkFile(id: string, path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new XbuildError('NOT_FOUND', `Cannot read the secret "${id}" from "${path}": ${cause.code === 'ENOENT' ? 'no such file' : cause.message}`, {
      cause, hint: 'Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE',
    })
  })
  if (!found.isFile() && !found.isFIFO() && !found.isCharacterDevice()) throw new XbuildError('NOT_FOUND', `Cannot read the secret "${id}" from "${path}": it is not a file`)
  if (found.size > MAX_SECRET) throw tooLong(id, found.size)
}

async function checkSocket(id: string, path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new XbuildError('NOT_FOUND', `Cannot reach the ssh agent "${id}" at "${path}": no such socket`, { cause, hint: 'Start an agent: eval $(ssh-agent); ssh-add' })
  })
  if (!found.isSocket()) {
    throw new XbuildError('NOT_FOUND', `Cannot use "${path}" as the ssh agent "${id}": it is not a socket`, { hint: 'Add the key to an agent with ssh-add, and give the socket of that agent' })
  }
}

function tooLong(id: string, bytes: number): XbuildError {
  return new XbuildError('BAD_OPTION', `Cannot use the secret "${id}": it has ${bytes} bytes, ${MAX_SECRET} are the most`)
}
