import { BlockList, isIP } from 'node:net'
import { isLoopback } from './loopback.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The proxy for a URL by HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case); loopback hosts never go through one. */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const secure = url.protocol === 'https:'
  const text = secure ? env['HTTPS_PROXY'] || env['https_proxy'] : env['HTTP_PROXY'] || env['http_proxy']
  if (!text || isLoopback(url.hostname) || isExempt(url, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined
  const proxy = text.includes('://') ? text : `http://${text}`
  return URL.canParse(proxy) ? new URL(proxy) : undefined
}

/**
 * NO_PROXY entries: `*`, a name (with its subdomains), `.name` (subdomains only), an address, a CIDR range; each with
 * an optional port.
 */
function isExempt(url: URL, list: string): boolean {
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return list
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      const [, host = '', wantedPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
      return (wantedPort === undefined || wantedPort === port) && matches(name, host.replace(/^\[|\]$/g, ''))
    })
}

function matches(name: string, pattern: string): boolean {
  if (pattern === '*') return true
  if (isIP(name)) return name === pattern || inRange(name, pattern)
  const suffix = pattern.replace(/^\*?\./, '')
  return suffix !== '' && (name.endsWith(`.${suffix}`) || name === pattern)
}

function inRange(address: string, pattern: string): boolean {
  const [network = '', bits = ''] = pattern.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  if (!isIP(network) || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 'ipv6' ? 128 : 32)) return false
  const range = new BlockList()
  range.addSubnet(network, Number(bits), family)
  return range.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
