/** The interface by which this machine reaches others. */
export interface External {
  readonly name: string
  /** It has a default route. */
  readonly isDefault: boolean
}

/** Addresses at which a network of the steps' own answers for a name server that only the host can reach. */
export const FORWARDED_DNS = { 4: '169.254.1.1', 6: 'fd53::53' } as const

/** Flag of a route that leads nowhere. */
const REJECT = 0x200

/** Reads the kernel's tables of routes through `read`; undefined: this machine reaches nobody but itself. */
export function externalInterface(read: (path: string) => string): External | undefined {
  const routes = [...routes4(table(read, '/proc/net/route')), ...routes6(table(read, '/proc/net/ipv6_route'))]
  return routes.find(({ isDefault }) => isDefault) ?? routes[0]
}

function routes4(lines: readonly string[][]): External[] {
  return lines.slice(1).flatMap(([name, destination, , flags = '0', , , , mask]) => {
    if (!name || name === 'lo' || (Number.parseInt(flags, 16) & REJECT) !== 0) return []
    return [{ name, isDefault: destination === '00000000' && mask === '00000000' }]
  })
}

/** Addresses of the link alone (fe80::) and of groups (ff00::) are there on any interface that is up. */
function routes6(lines: readonly string[][]): External[] {
  return lines.flatMap((fields) => {
    const [destination = '', length] = fields
    const [flags = '0', name] = fields.slice(-2)
    if (!name || name === 'lo' || (Number.parseInt(flags, 16) & REJECT) !== 0) return []
    if (/^(fe80|ff)/.test(destination)) return []
    return [{ name, isDefault: length === '00' }]
  })
}

function table(read: (path: string) => string, path: string): string[][] {
  try {
    return read(path)
      .split('\n')
      .filter(Boolean)
      .map((line) => line.trim().split(/\s+/))
  } catch {
    return []
  }
}

/** Family of the first name server that only the host can reach: on its loopback, or on a link-local address. */
export function forwardedServer(resolvConf: string): 4 | 6 | undefined {
  const first = servers(resolvConf).find(isHostOnly)
  return first === undefined ? undefined : first.includes(':') ? 6 : 4
}

/** The same file with `server` in place of the name servers that only the host can reach. */
export function withNameserver(resolvConf: string, server: string): string {
  let said = false
  return resolvConf
    .split('\n')
    .flatMap((line) => {
      const [, address] = NAMESERVER.exec(line) ?? []
      if (address === undefined || !isHostOnly(address)) return [line]
      if (said) return []
      said = true
      return [`nameserver ${server}`]
    })
    .join('\n')
}

const NAMESERVER = /^\s*nameserver\s+(\S+)/

function servers(resolvConf: string): string[] {
  return resolvConf.split('\n').flatMap((line) => NAMESERVER.exec(line)?.[1] ?? [])
}

function isHostOnly(address: string): boolean {
  return /^(127\.|169\.254\.|0\.0\.0\.0$|::1$|fe80:)/i.test(address)
}
