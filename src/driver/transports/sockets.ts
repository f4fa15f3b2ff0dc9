import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { compact } from '../../compact.ts'
import { withLateAuthorities } from '../../host/http/authorities.ts'
import { XbuildError } from '../../errors.ts'
import type { Endpoint, TlsFiles } from '../../config/endpoint.ts'
import { formatEndpoint } from '../../config/endpoint.ts'
import type { Dial } from '../dial.ts'
import { connectionFailure, unreachable } from '../connection-failure.ts'

/** Seconds that a connection may take to be there. */
const PATIENCE = 15

/** A socket on this machine; `shown` is what messages call it, if not by its path. */
export function dialUnix(endpoint: Endpoint & { kind: 'unix' }, shown?: string): Dial {
  return dialer(endpoint, shown === undefined ? {} : { shown }, async (net) => net.connect({ path: endpoint.path }))
}

/** A port, with or without TLS. */
export function dialTcp(endpoint: Endpoint & { kind: 'tcp' }): Dial {
  const { host, port, tls } = endpoint
  if (!tls)
    return dialer(endpoint, {}, async (net) =>
      net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 }),
    )
  const servername = tls.servername ?? host
  let files: Promise<Record<string, Buffer>> | undefined
  return dialer(endpoint, { authority: servername, event: 'secureConnect' }, async () => {
    const [{ connect }, { isIP }, pem] = await Promise.all([
      import('node:tls'),
      import('node:net'),
      (files ??= readTlsFiles(tls)),
    ])
    const ca = withLateAuthorities(process.env)
    return connect({
      host,
      port,
      ...(ca ? { ca } : {}),
      ...pem,
      ...(isIP(servername) ? {} : { servername }),
      // Docker Engine takes no notice of it; servers of gRPC insist on it
      ALPNProtocols: ['h2', 'http/1.1'],
      ...(tls.insecure ? { rejectUnauthorized: false } : {}),
      ...(tls.servername && isIP(servername)
        ? { checkServerIdentity: (_: string, cert: unknown) => checkAs(servername, cert) }
        : {}),
    })
  })

  function checkAs(name: string, cert: unknown): Error | undefined {
    return process.getBuiltinModule('node:tls').checkServerIdentity(name, cert as never)
  }
}

/** Reads the PEM files of a connection. Throws BAD_OPTION with the file that cannot be read. */
async function readTlsFiles(tls: TlsFiles): Promise<Record<string, Buffer>> {
  const entries = (['ca', 'cert', 'key'] as const).flatMap((kind) =>
    tls[kind] === undefined ? [] : [[kind, tls[kind]] as const],
  )
  const read = entries.map(async ([kind, path]) => {
    try {
      return [kind, await readFile(path)] as const
    } catch (cause) {
      throw new XbuildError('BAD_OPTION', `Cannot read TLS file "${path}": ${(cause as Error).message}`, {
        cause,
        hint: 'Name files that you may read',
      })
    }
  })
  return Object.fromEntries(await Promise.all(read))
}

function dialer(
  endpoint: Endpoint,
  {
    authority,
    event = 'connect',
    shown = formatEndpoint(endpoint).replace(/\?.*$/s, ''),
  }: { readonly authority?: string; readonly event?: string; readonly shown?: string },
  open: (net: typeof import('node:net')) => Promise<import('node:net').Socket>,
): Dial {
  return {
    endpoint: shown,
    ...compact({ authority }),
    async connect(signal): Promise<Duplex> {
      signal.throwIfAborted()
      const socket = await open(await import('node:net'))
      return new Promise<Duplex>((resolve, reject) => {
        const fail = (error: unknown) => {
          settle()
          socket.destroy()
          reject(error)
        }
        const onError = (error: unknown) => fail(connectionFailure(shown, error))
        const onAbort = () => fail(signal.reason)
        const timer = setTimeout(() => fail(unreachable(shown, `no connection within ${PATIENCE} s`)), PATIENCE * 1000)
        const onConnect = () => {
          settle()
          resolve(socket)
        }
        function settle(): void {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          socket.off(event, onConnect).off('error', onError)
          socket.on('error', () => undefined) // after this, whoever reads or writes is told
        }
        signal.addEventListener('abort', onAbort, { once: true })
        socket.once(event, onConnect).once('error', onError)
      })
    },
    close: async () => undefined,
  }
}
