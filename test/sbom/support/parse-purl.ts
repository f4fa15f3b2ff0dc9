/** A package URL and its parts (package-url-spec, "Rules for each purl component" and "How to parse a purl string"). */
export interface Purl {
  readonly type: string
  readonly namespace: readonly string[]
  readonly name: string
  readonly version: string
  readonly qualifiers: Readonly<Record<string, string>>
  /** The one way to write it. */
  readonly canonical: string
}

/** Reads one from its end to its beginning, as the specification says. Throws for what is none. */
export function parsePurl(text: string): Purl {
  const bad = (state: string) => new Error(`${text}: ${state}`)
  if (!/^[A-Za-z0-9.\-_~:/@%?&=]+$/.test(text)) throw bad('has characters that must be encoded')
  const [front, query, ...more] = text.split('?')
  if (more.length > 0) throw bad('has two "?"')
  const qualifiers = Object.fromEntries(
    (query ?? '')
      .split('&')
      .filter(Boolean)
      .map((pair): [string, string] => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))]
      }),
  )
  if (Object.keys(qualifiers).some((key) => !/^[a-z][a-z0-9._-]*$/.test(key))) throw bad('has a bad qualifier')
  const [scheme, ...rest] = front!.split(':')
  if (scheme !== 'pkg') throw bad('has another scheme')
  const path = rest.join(':')
  const at = path.lastIndexOf('@')
  if (at < 0) throw bad('has no version')
  const [type, ...segments] = path.slice(0, at).split('/')
  if (!type || !/^[a-z][a-z0-9.-]*$/.test(type) || segments.length === 0) throw bad('has no type or name')
  const decoded = segments.map(decodeURIComponent)
  if (decoded.some((segment) => segment === '')) throw bad('has an empty part')
  const version = decodeURIComponent(path.slice(at + 1))
  const sorted = Object.keys(qualifiers).sort()
  const canonical = `pkg:${type}/${decoded.map(encode).join('/')}@${encode(version)}${
    sorted.length > 0 ? `?${sorted.map((key) => `${key}=${encode(qualifiers[key]!)}`).join('&')}` : ''
  }`
  return { type, namespace: decoded.slice(0, -1), name: decoded.at(-1)!, version, qualifiers, canonical }
}

/** All is encoded but letters, digits, `.`, `-`, `_`, `~` and `:`. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[A-Za-z0-9.\-_~:]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}
