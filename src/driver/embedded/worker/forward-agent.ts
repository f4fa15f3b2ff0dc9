import { chmodSync, closeSync, lchownSync, openSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import type { FileOwner } from '../../../dockerfile/run-mounts.ts'

/**
 * List the keys, sign with one (draft-ietf-sshm-ssh-agent): all that a build needs. A step must not add, remove or
 * lock keys.
 */
const ALLOWED: ReadonlySet<number> = new Set([11, 13])
const FAILURE = Buffer.from([0, 0, 0, 1, 5])
/** OpenSSH takes no longer messages. Bytes. */
const MAX_MESSAGE = 256 << 10

/**
 * A socket of our own in front of an agent's: it has the owner that the step asks for, and takes harmless requests
 * only.
 */
export async function forwardAgent(
  agent: string,
  { folder, name, owner }: { folder: string; name: string; owner: FileOwner },
): Promise<{ path: string; close(): void }> {
  const { connect, createServer } = await import('node:net')
  const path = join(folder, name)
  // A socket's path may have a hundred bytes; this one is short wherever the store lies
  const fd = openSync(folder, 'r')
  const open = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = connect(agent)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.once('close', () => {
        open.delete(one)
        other.end()
      })
    }
    upstream.pipe(client)
    let rest = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 5) {
        const length = rest.readUInt32BE(0)
        if (length > MAX_MESSAGE) return void client.destroy()
        if (rest.length < 4 + length) return
        const message = rest.subarray(0, 4 + length)
        rest = rest.subarray(4 + length)
        if (ALLOWED.has(message[4]!)) upstream.write(message)
        else client.write(FAILURE)
      }
    })
  })
  const close = () => {
    server.close()
    for (const socket of open) socket.destroy()
    closeSync(fd)
  }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(`/proc/self/fd/${fd}/${name}`, resolve)
    })
    lchownSync(path, owner.uid, owner.gid)
    chmodSync(path, owner.mode)
    return { path, close }
  } catch (error) {
    close()
    throw error
  }
}
