import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { baseLayout } from '../e2e/support/examples.ts'
import { writeFiles } from '../e2e/support/context.ts'
import { program, tempFolder } from '../e2e/support/places.ts'
import { run, startXbuild } from '../e2e/support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')

/** Answers every request with its word, and every question for a name with one address. */
const FAR = `import { createServer } from 'node:http'
import { createSocket } from 'node:dgram'
for (const host of ['0.0.0.0', '::']) createServer((_, answer) => answer.end(process.argv[2] + '\\n')).listen({ port: 8000, host, ipv6Only: host === '::' })
if (process.argv[2] === 'far') {
  const dns = createSocket('udp4')
  dns.on('message', (question, from) => {
    const isA = question[question.indexOf(0, 12) + 2] === 1
    const head = Buffer.from(question.subarray(0, question.indexOf(0, 12) + 5))
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(isA ? 1 : 0, 6)
    head.fill(0, 8, 12)
    const answer = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, 8, 77] : []
    dns.send(Buffer.concat([head, Buffer.from(answer)]), from.port, from.address)
  })
  dns.bind(53, '0.0.0.0')
}
`

/** A machine (10.9.8.1) with its own services, and another one on its LAN (10.9.8.2), which serves names, too. */
const MACHINE = `set -e
ip link set lo up
if [ "$LAN" ]; then
  ip link add lan0 type veth peer name far0
  unshare --net "$NODE" far.mjs far & far=$!
  trap 'kill $far $own' EXIT
  while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
  ip link set far0 netns $far
  nsenter -t $far -n sh -c 'ip link set lo up
    ip addr add 10.9.8.2/24 dev far0; ip addr add 169.254.169.254/32 dev far0
    ip addr add fd00:9::2/64 dev far0 nodad; ip link set far0 up'
  ip addr add 10.9.8.1/24 dev lan0
  ip addr add fd00:9::1/64 dev lan0 nodad
  ip link set lan0 up
  ip route add default via 10.9.8.2
  ip route add default via fd00:9::2
  "$NODE" far.mjs own & own=$!
  mount --make-rprivate / && mount --bind resolv.conf /etc/resolv.conf
fi
"$NODE" "$@"
`

/** What a step gets from each place. */
const PLACES = ['10.9.8.2', '[fd00:9::2]', '10.9.8.1', '[fd00:9::1]', '127.0.0.1', '[::1]', '169.254.169.254']
const ASK = `FROM busybox
RUN for to in ${PLACES.join(' ')}; do echo "$to says $(wget -T 2 -qO- http://$to:8000/ 2>&1)"; done; nslookup some.example 2>&1; echo asked
`

async function buildOn(lan: boolean): Promise<string> {
  const context = writeFiles(join(folder, lan ? 'lan' : 'alone'), { Dockerfile: ASK })
  writeFileSync(join(folder, 'far.mjs'), FAR)
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 10.9.8.2\n')
  const base = ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`]
  const flags = [program, '--progress', 'plain', '--no-cache', '--network', 'private', ...base, context]
  const env = { LAN: lan ? '1' : '', NODE: process.execPath }
  const args = ['--net', '--mount', '/bin/sh', '-c', MACHINE, 'sh', ...flags]
  const { code, stderr } = await run('unshare', args, { cwd: folder, store, env })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/#\d+ [\d.]+ asked/)
  return stderr
}

test('a step reaches the LAN by IPv4, IPv6 and the servers of names, and nothing of the machine itself', async () => {
  const stderr = await buildOn(true)
  expect(stderr).toContain('10.9.8.2 says far')
  expect(stderr).toContain('[fd00:9::2] says far')
  expect(stderr).toContain('10.9.8.77')
  expect(stderr).not.toContain('says own')
  expect(stderr).toMatch(/169\.254\.169\.254 says .*Permission denied/)
})

test('steps run on a machine without a network', async () => {
  const stderr = await buildOn(false)
  expect(stderr).not.toMatch(/says (far|own)/)
})

const namespaceOf = (pid: string, kind: 'net' | 'pid') => {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined // it has ended, or is the kernel's
  }
}
const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))
const read = (pid: string, file: string) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // as above
  }
}
const parentOf = (pid: string) => /^PPid:\s*(\d+)/m.exec(read(pid, 'status'))?.[1] ?? ''
const processesIn = (kind: 'net' | 'pid', namespace: string) =>
  pids().filter((pid) => namespaceOf(pid, kind) === namespace)

test('of a killed build neither the network of its steps stays, nor what connects it', async () => {
  const Dockerfile = 'FROM busybox\nRUN echo "in $(readlink /proc/self/ns/net)"; sleep 300\n'
  const context = writeFiles(join(folder, 'killed'), { Dockerfile })
  const base = ['--build-context', `busybox=oci-layout://${await baseLayout('busybox')}`]
  const args = ['--progress', 'plain', '--no-cache', '--network', 'private', ...base, context]
  const building = startXbuild(args, { store, cwd: folder })
  let said = ''
  building.child.stderr.on('data', (part: string) => (said += part))
  await building.printed(/#\d+ [\d.]+ in net:\[\d+\]/)
  const network = /#\d+ [\d.]+ in (net:\[\d+\])/.exec(said)![1]!
  // What connects the network was started beside its holder
  const holder = processesIn('net', network).find((pid) => read(pid, 'comm') === 'cat\n')!
  const processes = namespaceOf(holder, 'pid')!
  const connecting = pids().filter(
    (pid) => /pasta|slirp4netns/.test(read(pid, 'cmdline')) && namespaceOf(parentOf(pid), 'pid') === processes,
  )
  expect(connecting).toHaveLength(1)
  building.child.kill('SIGKILL')
  await building.ended
  await expect
    .poll(
      () => [
        ...processesIn('net', network),
        ...processesIn('pid', processes),
        ...connecting.filter((pid) => /pasta|slirp4netns/.test(read(pid, 'cmdline'))),
      ],
      { timeout: 10_000 },
    )
    .toEqual([])
})
