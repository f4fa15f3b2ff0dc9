/** What is wrong with a port such as `127.0.0.1:8080-8081:80-81/tcp`, by the rules of compose. */
export function portProblem(text: string): string | undefined {
  const parts = text.split(':')
  const [port = '', protocol] = parts.at(-1)!.split('/')
  const host = parts.at(-2) ?? ''
  const address = parts.slice(0, -2).join(':')
  if (protocol && !/^(?:tcp|udp|sctp)$/i.test(protocol)) return `"${protocol}" is none of tcp, udp and sctp`
  if (address !== '' && !isAddress(address)) return `"${address}" is not an IP address`
  if (port === '') return 'the port of the container is missing'
  const inner = rangeOf(port)
  if (!inner || inner.first === 0) return `"${port}" is not a port or a range of ports`
  if (host === '') return undefined
  const outer = rangeOf(host)
  if (!outer) return `"${host}" is not a port or a range of ports`
  return inner.count > 1 && inner.count !== outer.count ? 'the two ranges differ in length' : undefined
}

/** What is wrong with the name of a container. */
export function containerNameProblem(text: string): string | undefined {
  return /[a-zA-Z0-9][a-zA-Z0-9_.-]+/.test(text)
    ? undefined
    : 'it needs a letter or a digit, and after it letters, digits, "_", "." or "-"'
}

/** What is wrong with a volume such as `./data:/data:ro`, by the rules of compose. */
export function volumeProblem(text: string): string | undefined {
  if (text === '') return 'it is empty'
  if (text.length <= 2) return undefined
  // The colon of a drive of Windows divides nothing
  const parts = text.replace(/(^|:)([A-Za-z]):(?=[\\/])/g, '$1$2').split(':')
  if (parts.includes('')) return 'nothing is before, between or after its colons'
  return parts.length > 3 ? 'it has too many colons' : undefined
}

/** What is wrong with an address that a port is bound to. */
export function addressProblem(text: string): string | undefined {
  return isAddress(text) ? undefined : 'it must be an IP address'
}

/** What is wrong with a device such as `/dev/sda:/dev/xvda:rwm`. */
export function deviceProblem(text: string): string | undefined {
  return text.split(':').length > 3 ? 'it has too many colons' : undefined
}

function rangeOf(text: string): { readonly first: number; readonly count: number } | undefined {
  const [, first, last = first] = /^(\d+)(?:-(\d+)(?:-.*)?)?$/.exec(text) ?? []
  if (first === undefined || Number(first) > 65535 || Number(last) > 65535 || Number(last) < Number(first))
    return undefined
  return { first: Number(first), count: Number(last) - Number(first) + 1 }
}

function isAddress(text: string): boolean {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (bare.includes(':')) return /^[0-9a-fA-F:.]+(?:%\w+)?$/.test(bare)
  const bytes = bare.split('.')
  return bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256)
}
