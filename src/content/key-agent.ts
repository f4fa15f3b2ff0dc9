import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { XbuildError } from '../errors.ts'
import { exec } from '../host/exec.ts'
import { startProgram } from '../host/start.ts'

/** An ssh agent of a build's own. */
export interface KeyAgent {
  readonly socket: string
  close(): Promise<void>
}

export interface KeyAgentOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Bounds the time that starting takes. Milliseconds. */
  readonly patience?: number
}

/**
 * Starts an agent that holds the keys of files and nothing else. It ends when `close` is called, and a little after
 * this process at the latest.
 */
export async function startKeyAgent(
  files: readonly string[],
  { env, patience = 10_000 }: KeyAgentOptions,
): Promise<KeyAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-agent-'))
  const socket = join(folder, 'agent')
  // The agent lives as long as the command it is given, and that as long as our end of its pipe
  const child = startProgram('ssh-agent', ['-a', socket, 'sh', '-c', 'echo "$SSH_AGENT_PID" && exec cat > /dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...env },
  })
  let agent = 0
  child.stdout!.on('data', (chunk: Buffer) => (agent ||= Number.parseInt(chunk.toString(), 10)))
  child.stdin!.on('error', () => undefined)
  const ended = new Promise<XbuildError>((resolve) => {
    child.once('error', (cause) =>
      resolve(
        new XbuildError('HOST', `Cannot use key files with --ssh: the program "ssh-agent" does not start`, {
          cause,
          hint: HINT,
        }),
      ),
    )
    child.once('exit', (code) =>
      resolve(
        new XbuildError('HOST', `Cannot use key files with --ssh: the program "ssh-agent" ended with status ${code}`, {
          hint: HINT,
        }),
      ),
    )
  })
  const close = async () => {
    child.stdin!.end()
    if (agent > 1) endProcess(agent)
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.race([whenThere(socket, patience), ended.then((error) => Promise.reject(error))])
    for (const file of files) await addKey(file, { ...env, SSH_AUTH_SOCK: socket })
    return { socket, close }
  } catch (error) {
    await close()
    throw error
  }
}

const HINT = 'Install it (Debian, Ubuntu: apt-get install openssh-client), or give the socket of an agent that runs'

async function addKey(file: string, env: KeyAgentOptions['env']): Promise<void> {
  const { exitCode, stderr } = await exec('ssh-add', ['-q', '--', file], {
    env: { ...env, SSH_ASKPASS_REQUIRE: 'never', DISPLAY: undefined },
  })
  if (exitCode === 0) return
  const output = stderr.trimEnd().split('\n').slice(-5)
  throw new XbuildError(
    'BAD_OPTION',
    `Cannot use "${file}" with --ssh: it is neither the socket of an agent nor a private key without a passphrase`,
    {
      output,
      hint: 'Add a key with a passphrase to an agent: eval $(ssh-agent); ssh-add; then --ssh default',
    },
  )
}

async function whenThere(socket: string, patience: number): Promise<void> {
  for (const until = Date.now() + patience; ; ) {
    if (
      await stat(socket).then(
        (found) => found.isSocket(),
        () => false,
      )
    )
      return
    if (Date.now() > until)
      throw new XbuildError('HOST', 'Cannot use key files with --ssh: the program "ssh-agent" does not answer', {
        hint: HINT,
      })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch {
    // it ended by itself
  }
}
