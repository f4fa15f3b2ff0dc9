import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { rmSync } from 'node:fs'

/** What an engine without BuildKit answers; `save` writes the archive of the image. */
export interface EngineAnswers {
  /** Objects of the stream of a build; absent: one that ends well. */
  readonly built?: readonly string[]
  save(response: ServerResponse): Promise<void> | void
}

/** An engine with Docker's API and without BuildKit that answers what a test wants. */
export interface HostileEngine {
  readonly endpoint: string
  answers: EngineAnswers
  stop(): Promise<void>
}

/** Starts it on a socket. */
export async function startHostileEngine(socket: string, { arch }: { readonly arch: string }): Promise<HostileEngine> {
  const engine = { endpoint: `unix://${socket}`, answers: { save: (response: ServerResponse) => void response.end() } }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').split('?')[0]!
    const json = (value: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    request.resume()
    if (path === '/_ping') response.setHeader('builder-version', '1').setHeader('api-version', '1.41').end('OK')
    else if (path === '/version') json({ Version: '20.10.24', ApiVersion: '1.41', Os: 'linux', Arch: arch })
    else if (path === '/info') json({ ID: 'hostile', DriverStatus: [] })
    else if (path === '/build') {
      const { built = [JSON.stringify({ stream: 'Successfully built aaaaaaaaaaaa\n' })] } =
        engine.answers as EngineAnswers
      request.once('end', () => response.end(built.join('\n')))
    } else if (/^\/images\/.*\/get$/.test(path)) void engine.answers.save(response)
    else if (request.method === 'DELETE') json([])
    else response.writeHead(404).end('{"message":"no such thing"}')
  })
  rmSync(socket, { force: true })
  server.listen(socket)
  await once(server, 'listening')
  return Object.assign(engine, {
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
