import { chmodSync, closeSync, lchownSync, openSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import type { FileOwner } from '../../dockerfile/run-mounts.ts'
import { relayAgent } from '../../content/agent-relay.ts'

/**
 * A socket of our own in front of an agent's: it has the owner that the step asks for, and takes harmless requests
 * only.
 */
export async function forwardAgent(
  agent: string,
  { folder, name, owner }: { folder: string; name: string; owner: FileOwner },
): Promise<{ path: string; close(): void }> {
  const { createServer } = await import('node:net')
  const path = join(folder, name)
  // A socket's path may have a hundred bytes; this one is short wherever the store lies
  const fd = openSync(folder, 'r')
  const open = new Set<Socket>()
  const server: Server = createServer((client) => {
    open.add(client)
    client.on('error', () => undefined)
    client.once('close', () => open.delete(client))
    const answer = (message: Buffer) =>
      new Promise<void>((resolve, reject) => client.write(message, (error) => (error ? reject(error) : resolve())))
    const end = () => void client.destroy()
    relayAgent(agent, { requests: client, answer }).then(end, end)
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
