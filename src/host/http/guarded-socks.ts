import { randomBytes } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { XbuildError } from '../../errors.ts'
import { isLoopback } from './loopback.ts'
import { checkHost, guardedLookup, type Reach } from './reach.ts'

/** A proxy for one run of a program that follows redirects by itself: each of its connections is judged when it is made. */
export interface GuardedProxy {
  /** For variables like `all_proxy`; nobody else knows its password. */
  readonly url: string
  /** The program was sent to this host by whoever may; absent: `host` came from a redirect. */
  admit(host: string): void
  /** The first connection that was refused. */
  refusal(): XbuildError | undefined
  close(): void
}

const VERSION = 5
const WITH_PASSWORD = 2
const [GRANTED, NOT_ALLOWED, UNREACHABLE, UNKNOWN_COMMAND] = [0, 2, 4, 7]
/** Of what a client says before it is connected. Bytes. */
const MOST = 1024

/**
 * Opens a SOCKS proxy (RFC 1928, RFC 1929) on this machine. Hosts that are admitted may be what `reach` says; others
 * are where servers lead to, and those of elsewhere lead nowhere into this machine. The address that is judged is the
 * one that is connected to.
 */
export async function openGuardedProxy(reach: Reach): Promise<GuardedProxy> {
  const password = randomBytes(16).toString('hex')
  const admitted = new Set<string>()
  const sockets = new Set<Socket>()
  let first: XbuildError | undefined

  function reachOf(host: string): Reach {
    const isLocal = isLoopback(bracketed(host)) && [...admitted].some((one) => isLoopback(bracketed(one)))
    return reach === 'all' || admitted.has(host) || isLocal ? reach : 'no-loopback'
  }

  function join(client: Socket, { host, port }: { readonly host: string; readonly port: number }): void {
    const limit = reachOf(host)
    client.pause()
    const fail = (error: Error) => {
      if (error instanceof XbuildError) first ??= error
      client.end(answer(error instanceof XbuildError ? NOT_ALLOWED : UNREACHABLE))
    }
    try {
      checkHost(new URL(`http://${bracketed(host)}`), limit)
    } catch (error) {
      return fail(error as Error)
    }
    const server = connect({ host, port, lookup: guardedLookup(limit) })
    keep(server)
    server.once('error', fail)
    server.once('connect', () => {
      server.off('error', fail)
      client.write(answer(GRANTED))
      client.pipe(server).pipe(client)
      client.once('close', () => server.destroy())
      server.once('close', () => client.destroy())
    })
  }

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  }

  const proxy = createServer((client) => {
    keep(client)
    let heard = Buffer.alloc(0)
    let stage: (bytes: Buffer) => number | undefined = greeting
    const listen = (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk])
      if (heard.length > MOST) return void client.destroy()
      for (let used = stage(heard); used; used = stage(heard)) heard = heard.subarray(used)
    }
    client.on('data', listen)

    function greeting(bytes: Buffer): number | undefined {
      if (bytes.length < 2 || bytes.length < 2 + bytes[1]!) return undefined
      const takes = bytes[0] === VERSION && bytes.subarray(2, 2 + bytes[1]!).includes(WITH_PASSWORD)
      if (!takes) return void client.end(Buffer.of(VERSION, 0xff))
      client.write(Buffer.of(VERSION, WITH_PASSWORD))
      stage = login
      return 2 + bytes[1]!
    }

    function login(bytes: Buffer): number | undefined {
      const name = bytes[1] ?? 0
      const length = bytes[2 + name]
      if (length === undefined || bytes.length < 3 + name + length) return undefined
      const isRight = bytes.subarray(3 + name, 3 + name + length).toString() === password
      if (!isRight) return void client.end(Buffer.of(1, 1))
      client.write(Buffer.of(1, 0))
      stage = request
      return 3 + name + length
    }

    function request(bytes: Buffer): number | undefined {
      const asked = readRequest(bytes)
      if (!asked) return undefined
      client.off('data', listen)
      if (asked === 'unknown') client.end(answer(UNKNOWN_COMMAND))
      else join(client, asked)
      return undefined
    }
  })
  await new Promise<void>((resolve, reject) => {
    proxy.once('error', reject)
    proxy.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `socks5h://xbuild:${password}@127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    admit: (host) => void admitted.add(oneSpelling(host)),
    refusal: () => first,
    close() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** What is to be connected to; nothing while more bytes are to come. */
function readRequest(bytes: Buffer): { readonly host: string; readonly port: number } | 'unknown' | undefined {
  const [version, command, , kind, length = 0] = bytes
  if (bytes.length < 5) return undefined
  const [start, size] = kind === 3 ? [5, length] : [4, kind === 1 ? 4 : 16]
  if (version !== VERSION || command !== 1 || ![1, 3, 4].includes(kind!)) return 'unknown'
  if (bytes.length < start + size + 2) return undefined
  const address = bytes.subarray(start, start + size)
  const host = oneSpelling(kind === 3 ? address.toString('latin1') : kind === 1 ? address.join('.') : ipv6(address))
  return /[^\w.:-]/.test(host) ? 'unknown' : { host, port: bytes.readUInt16BE(start + size) }
}

/** Addresses can be written in many ways. */
function oneSpelling(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const url = `http://${bracketed(bare)}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : bare
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':')
}

function answer(status: number): Buffer {
  return Buffer.of(VERSION, status, 0, 1, 0, 0, 0, 0, 0, 0)
}
