import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { XbuildError } from '../errors.ts'
import { childProcess } from './child-process.ts'

/** A small process that starts programs, one after the other: each start takes long for a process of this size. */
export interface SmallShell {
  /** What the program said. Throws HOST with its last lines when it fails. */
  run(file: string, args: readonly string[]): Promise<string>
  /** Ends it once what was asked for is done. */
  close(): Promise<void>
}

const quoted = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`

/** The shell is started with the first program. The signal ends it with what it runs. */
export function smallShell({ cwd, signal }: { readonly cwd: string; readonly signal: AbortSignal }): SmallShell {
  const mark = randomBytes(8).toString('hex')
  let shell: { readonly child: ChildProcess; readonly ended: Promise<void> } | undefined
  let last: Promise<unknown> = Promise.resolve()
  let said = ''
  let answered: (() => void) | undefined
  let over = false

  function start(): NonNullable<typeof shell> {
    const child = childProcess().spawn('/bin/sh', ['-c', 'while IFS= read -r line; do eval "$line"; done'], {
      cwd,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // a group of its own, so that the programs end with it
    })
    const end = () => {
      try {
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it has just ended
      }
    }
    signal.addEventListener('abort', end, { once: true })
    child.stdin.on('error', () => undefined)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      answered?.()
    })
    const ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    }).then(() => {
      signal.removeEventListener('abort', end)
      over = true
      answered?.()
    })
    return { child, ended }
  }

  async function runNow(file: string, args: readonly string[]): Promise<string> {
    signal.throwIfAborted()
    const { child } = (shell ??= start())
    said = ''
    child.stdin!.write(`${[file, ...args].map(quoted).join(' ')} </dev/null 2>&1; printf '\\n${mark} %s\\n' $?\n`)
    const answer = new RegExp(`\n${mark} (\\d+)\n$`)
    for (;;) {
      const [whole, status] = answer.exec(said) ?? []
      if (status === '0') return said.slice(0, -whole!.length)
      if (whole === undefined && !over) {
        await new Promise<void>((resolve) => (answered = resolve))
        continue
      }
      signal.throwIfAborted()
      const output = said
        .slice(0, -(whole?.length ?? 0) || undefined)
        .trimEnd()
        .split('\n')
        .slice(-10)
      const state = status === undefined ? 'its shell ended' : `exit status ${status}`
      throw new XbuildError('HOST', `Cannot run "${[file, ...args].join(' ').slice(0, 300)}": ${state}`, { output })
    }
  }

  return {
    run(file, args) {
      if ([file, ...args].some((word) => /[\n\0]/.test(word))) throw new TypeError('a line is one line')
      const done = last.then(() => runNow(file, args))
      last = done.catch(() => undefined)
      return done
    },
    async close() {
      await last
      shell?.child.stdin?.end()
      await shell?.ended
    },
  }
}
