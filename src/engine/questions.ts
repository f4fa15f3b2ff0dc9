import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type Socket } from 'node:net'

/** What the handler in a container wants to know: how to start the twin of this program. */
export interface Question {
  /** Build-id. */
  readonly id: string
  /** Path in the container. */
  readonly path: string
}

const QUESTION = /^([0-9a-f]{16,64}|go-[\w-]{16,60}) (\/[^\n\0]{1,1000})\n$/
const MAX_QUESTION = 1200
/** Programs of one step that are answered for: each costs memory and a file, and any program of the step may ask. */
const MAX_PROGRAMS = 512
/** A twin cannot answer as its program would: what the step did until now is not to be used. */
const END = /^!([^\n]{1,600})\n$/

/**
 * Answers the handlers of one step through a socket in its folder; an answer is a file that stays, without one they
 * ask again. An answer that cannot be had or written, on a full disk say, is told to `onFailure` and is none. `onEnd` is
 * told why a twin gives up; any program of the step may say so.
 */
export async function listenForQuestions(
  folder: string,
  answer: (question: Question) => Promise<string | undefined>,
  onFailure: (error: unknown) => void,
  onEnd: (reason: string) => void = () => undefined,
): Promise<{ close(): void }> {
  const open = new Set<Socket>()
  const programs = new Set<string>()
  let closed = false

  function hear(socket: Socket): void {
    let text = ''
    open.add(socket)
    socket.setEncoding('latin1')
    socket.on('error', () => undefined) // who asked is gone
    socket.on('close', () => open.delete(socket))
    socket.on('data', (part: string) => {
      text += part
      if (text.length > MAX_QUESTION) socket.destroy()
      else if (text.endsWith('\n')) void reply(socket, text)
    })
  }

  async function reply(socket: Socket, text: string): Promise<void> {
    const reason = END.exec(text)?.[1]
    if (reason !== undefined && !closed) onEnd(reason)
    const [, id, path] = QUESTION.exec(text) ?? []
    if (id && path && (programs.has(id) || programs.size < MAX_PROGRAMS)) {
      programs.add(id)
      try {
        const rules = await answer({ id, path })
        if (closed) return
        if (rules !== undefined) writeAnswer(join(folder, 'rules', id), rules)
      } catch (error) {
        if (closed) return
        onFailure(error)
      }
    }
    socket.end('\n')
  }

  const server = createServer({ allowHalfOpen: true }, hear)
  server.maxConnections = 256
  const path = join(folder, 'ask')
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o666)
  chmodSync(join(folder, 'rules'), 0o755)
  return {
    close() {
      closed = true
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** The handler may look at any moment: the name shows the whole answer or nothing. */
function writeAnswer(file: string, rules: string): void {
  const temp = `${file}.tmp`
  try {
    writeFileSync(temp, rules, { mode: 0o644 })
    renameSync(temp, file)
  } catch (error) {
    try {
      rmSync(temp, { force: true })
    } catch {
      // the first error says more
    }
    throw error
  }
}
