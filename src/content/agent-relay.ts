import type { Socket } from 'node:net'

/** Whoever uses an ssh agent through us: bytes of requests, and where bytes of answers go. */
export interface AgentClient {
  readonly requests: AsyncIterable<Uint8Array>
  answer(message: Buffer): Promise<void>
}

/**
 * List the keys, sign with one (draft-ietf-sshm-ssh-agent): all that a build needs. Nobody but the user adds, removes
 * or locks keys.
 */
const ALLOWED: ReadonlySet<number> = new Set([11, 13])
const FAILURE = Buffer.from([0, 0, 0, 1, 5])
/** OpenSSH takes no longer messages. Bytes. */
const MAX_MESSAGE = 256 << 10
const HEAD = 4

/**
 * Passes harmless requests on to the agent at a socket, one after the other, and refuses all others; ends with the
 * client. Rejects when one of the two breaks off, or says what is no message.
 */
export async function relayAgent(agent: string, { requests, answer }: AgentClient): Promise<void> {
  const { connect } = await import('node:net')
  const upstream = connect(agent)
  try {
    await connected(upstream)
    const answers = messagesOf(upstream)
    const asked = messagesOf(requests)
    // The next request is waited for while the agent thinks: a client that is gone is noticed
    for (let next = asked.next(); ; ) {
      const { value: request } = await next
      if (!request) return
      next = asked.next()
      next.catch(() => upstream.destroy())
      if (!ALLOWED.has(request[HEAD]!)) {
        await answer(FAILURE)
        continue
      }
      upstream.write(request)
      const { value: message } = await answers.next()
      if (!message) throw new Error('the ssh agent broke the connection')
      await answer(message)
    }
  } finally {
    upstream.destroy()
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once('connect', resolve)
  })
}

/** Whole messages, each with its length before it. */
async function* messagesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    size += chunk.length
    for (let whole = lengthOf(parts, size); whole !== undefined && size >= whole; whole = lengthOf(parts, size)) {
      const bytes = Buffer.concat(parts)
      yield bytes.subarray(0, whole)
      parts = [bytes.subarray(whole)]
      size -= whole
    }
  }
  return undefined
}

/** Bytes of the first message; undefined while its length is not there. */
function lengthOf(parts: Buffer[], size: number): number | undefined {
  if (size < HEAD) return undefined
  if (parts[0]!.length < HEAD) parts.splice(0, parts.length, Buffer.concat(parts))
  const length = parts[0]!.readUInt32BE(0)
  if (length === 0 || length > MAX_MESSAGE)
    throw new Error(`${length} bytes is not a valid length of an ssh agent message`)
  return HEAD + length
}
