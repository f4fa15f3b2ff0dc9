import { BlockList, isIP } from 'node:net'

/**
 * Where clouds answer whoever asks with the machine's credentials: all link-local addresses of IPv4 but 169.254.1.0/24,
 * in which the forwarder of DNS of a step's network has one, and those that clouds chose elsewhere.
 */
export const METADATA_RANGES: { readonly 4: readonly string[]; readonly 6: readonly string[] } = {
  4: [
    ...['169.254.0.0/24', '169.254.2.0/23', '169.254.4.0/22', '169.254.8.0/21', '169.254.16.0/20'],
    ...['169.254.32.0/19', '169.254.64.0/18', '169.254.128.0/17', '100.100.100.200/32', '192.0.0.192/32'],
  ],
  6: [
    ...['fd00:ec2::254/128', 'fd00:ec2::23/128', 'fd20:ce::254/128', 'fd00:c1::a9fe:a9fe/128', 'fd00:42::42/128'],
    'fe80::a9fe:a9fe/128',
  ],
}

let lists: { readonly metadata: BlockList; readonly loopback: BlockList } | undefined

/** The same lists each time, made when the first address is looked at. */
function listsOf(): NonNullable<typeof lists> {
  lists ??= {
    metadata: listOf([...METADATA_RANGES[4], '169.254.1.0/24', ...METADATA_RANGES[6], 'fe80::/10']),
    loopback: listOf(['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128']),
  }
  return lists
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    list.addSubnet(net, Number(bits), net.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

/** What kind of address it is that only the machine itself should ask; undefined: neither. */
export function kindOfAddress(address: string): 'metadata' | 'loopback' | undefined {
  const forms = [address, ...ipv4In(address)]
  const isIn = (list: BlockList) => forms.some((one) => list.check(one, isIP(one) === 6 ? 'ipv6' : 'ipv4'))
  const { metadata, loopback } = listsOf()
  return isIn(metadata) ? 'metadata' : isIn(loopback) ? 'loopback' : undefined
}

/** The IPv4 addresses that an IPv6 one may stand for: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056). */
function ipv4In(address: string): string[] {
  const words = wordsOf(address)
  const start = words.slice(0, 6).join(' ')
  if (words[0] === 0x2002) return [dotted(words[1]!, words[2]!)]
  const isEmbedded = ['0 0 0 0 0 0', '0 0 0 0 0 65535', '100 65435 0 0 0 0'].includes(start) && words[6] !== 0
  return isEmbedded ? [dotted(words[6]!, words[7]!)] : []
}

/** The eight numbers of an IPv6 address; none for another text. */
function wordsOf(address: string): number[] {
  const bare = address.replace(/%.*$/, '')
  if (isIP(bare) !== 6) return []
  // A URL has dotted parts in hexadecimal
  const [head = '', tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::')
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const [first, last] = [parse(head), parse(tail ?? '')]
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
