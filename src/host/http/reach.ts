import type { LookupAddress, LookupOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { XbuildError } from '../../errors.ts'
import { kindOfAddress } from './metadata.ts'

/**
 * What requests may connect to: everything; not the metadata services of clouds and other link-local addresses;
 * neither these nor this machine itself.
 */
export type Reach = 'all' | 'no-metadata' | 'no-loopback'

/** Throws UNSUPPORTED for a URL whose host is an address that may not be reached. Names are judged by `guardedLookup`. */
export function checkHost({ hostname }: URL, reach: Reach): void {
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  const refusal = isIP(name) === 0 ? undefined : refusalOf(name, name, reach)
  if (refusal) throw refusal
}

/** The same for a name, resolved now, whatever connects to it later. What has no address is judged by who asks it. */
export async function checkName(host: string, reach: Reach): Promise<void> {
  const name = host.replace(/^\[(.*)\]$/, '$1')
  if (reach === 'all' || name === '') return
  const addresses = await dns()
    .promises.lookup(name, { all: true })
    .catch(() => [])
  const refusal = addresses.map(({ address }) => refusalOf(name, address, reach)).find(Boolean)
  if (refusal) throw refusal
}

/** Resolves names for connections; a name of which one address may not be reached is refused. */
export function guardedLookup(reach: Reach): LookupFunction {
  return (host, options, done) => {
    dns().lookup(host, options as LookupOptions, (error, found, family) => {
      // One address, or a list of them, as was asked for
      const found4or6 = found as string | readonly LookupAddress[]
      const addresses = typeof found4or6 === 'string' ? [found4or6] : (found4or6 ?? []).map(({ address }) => address)
      const refusal = addresses.map((address) => refusalOf(host, address, reach)).find(Boolean)
      done(error ?? refusal ?? null, found as string, family as number)
    })
  }
}

/** Loaded for the first name: a registry may be an address. */
const dns = () => process.getBuiltinModule('node:dns')

function refusalOf(host: string, address: string, reach: Reach): XbuildError | undefined {
  const kind = reach === 'all' ? undefined : kindOfAddress(address)
  if (kind === undefined || (kind === 'loopback' && reach === 'no-metadata')) return undefined
  const what = kind === 'metadata' ? 'a link-local or metadata address' : 'an address of this machine itself'
  const shown = host === address ? `it is ${what}` : `it is ${address}, ${what}`
  return new XbuildError('UNSUPPORTED', `Cannot connect to "${host}": ${shown}`, {
    hint: 'A build may ask it only with --allow network.host',
  })
}
