import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunParams } from '../protocol.ts'
import { withNameserver } from './network-facts.ts'

/** The one that BuildKit gives: some programs write it into what they make. */
export const HOSTNAME = 'buildkitsandbox'

/** resolv.conf, hosts and heredoc scripts, written into the operation's folder to be bound into the container. */
export function hostFiles(
  scratch: string,
  params: Pick<RunParams, 'files' | 'hostname' | 'hosts' | 'network'>,
  nameserver: string | undefined,
): { source: string; target: string; runs: boolean }[] {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const hosts = params.hosts.map(({ name, ip }) => `${ip}\t${name}\n`).join('')
  const resolvConf = read('/etc/resolv.conf')
  const wanted = [
    {
      path: '/etc/resolv.conf',
      content: params.network === 'own' && nameserver ? withNameserver(resolvConf, nameserver) : resolvConf,
      mode: 0o644,
    },
    {
      path: '/etc/hosts',
      content: `127.0.0.1\tlocalhost ${params.hostname ?? HOSTNAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n${hosts}${namesOf(read('/etc/hosts'), params.network)}`,
      mode: 0o644,
    },
    ...params.files,
  ]
  return wanted.map(({ path, content, mode }, index) => {
    const source = join(scratch, `file-${index}`)
    writeFileSync(source, content)
    chmodSync(source, mode) // whatever the umask is
    return { source, target: path, runs: (mode & 0o111) !== 0 }
  })
}

/** What a step is told of the machine's own names: on a network of its own those of loopback addresses lead to itself. */
function namesOf(hosts: string, network: RunParams['network']): string {
  if (network === 'host') return hosts
  return hosts.replace(/^\s*(?:127\.|::1\s).*\n?/gm, '')
}
