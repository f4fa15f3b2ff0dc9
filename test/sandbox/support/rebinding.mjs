// Runs in network and mount namespaces of its own: a name server whose answers change, the server that a build may ask,
// and the services that it may not. argv: the answers for the name, then what is to be run. Prints JSON.
import { execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'

const [good, answers, ...command] = process.argv.slice(2)
const left = answers.split(',')
const seen = { questions: 0, refused: [] }

const ip = (...args) => execFileSync('ip', args)
ip('link', 'set', 'lo', 'up')
for (const address of [good, '169.254.169.254']) ip('address', 'add', `${address}/32`, 'dev', 'lo')

/** RFC 1035: the question back, and an address when one is asked for. The last answer stays. */
const names = createSocket('udp4', (query, from) => {
  const end = query.indexOf(0, 12) + 5
  const isAddress = query.readUInt16BE(end - 4) === 1
  const head = Buffer.from(query.subarray(0, 12))
  head.writeUInt16BE(0x8180, 2)
  head.writeUInt16BE(isAddress ? 1 : 0, 6)
  head.writeUInt32BE(0, 8)
  const parts = [head, query.subarray(12, end)]
  if (isAddress) {
    seen.questions += 1
    const address = left.length > 1 ? left.shift() : left[0]
    parts.push(Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]))
  }
  names.send(Buffer.concat(parts), from.port, from.address)
})
await new Promise((done) => names.bind(53, '127.0.0.1', done))

const git = (request, response) => {
  const [path, query = ''] = request.url.split('?')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: process.env.REPOSITORIES,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(child.stdin)
  const all = []
  child.stdout.on('data', (part) => all.push(part))
  child.once('close', () => {
    const bytes = Buffer.concat(all)
    const end = bytes.indexOf('\r\n\r\n')
    const fields = bytes.subarray(0, end).toString().split('\r\n')
    const headers = fields.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
    const status = Number.parseInt(headers.find(([name]) => name === 'Status')?.[1] ?? '200', 10)
    response.writeHead(status, { ...Object.fromEntries(headers), connection: 'close' }).end(bytes.subarray(end + 4))
  })
}
const listen = (listener, host) => new Promise((done) => createServer(listener).listen(80, host, done))
await listen(
  (request, response) => (request.url.startsWith('/file') ? response.end('good') : git(request, response)),
  good,
)
for (const host of ['127.0.0.1', '169.254.169.254'])
  await listen((request, response) => {
    seen.refused.push(`${host} ${request.url}`)
    response.end('secret')
  }, host)

const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
let stderr = ''
child.stderr.on('data', (chunk) => (stderr += chunk))
child.once('close', (code) => {
  console.log(JSON.stringify({ code, stderr, ...seen }))
  process.exit()
})
