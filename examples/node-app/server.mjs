import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

/** A web server that tells where it runs, as JSON. */
export function createApp() {
  return createServer((request, response) => {
    const found = request.url === '/'
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(found ? about() : { error: 'not found' })}\n`)
  })
}

function about() {
  const prepared = existsSync('prepared.txt') ? readFileSync('prepared.txt', 'utf8').trim() : 'not prepared'
  return { platform: `${process.platform}/${process.arch}`, prepared, user: process.getuid() }
}

/** Serves one request of its own on a free port: what the answer is, without leaving a server. */
export async function once() {
  const server = createApp()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
  const text = await response.text()
  server.close()
  return text
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--once')) process.stdout.write(await once())
  else createApp().listen(Number(process.env.PORT ?? 8080), () => console.log('listening'))
}
