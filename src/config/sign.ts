import { compact } from '../compact.ts'
import { parseAttributes, badValue, readBool } from './values.ts'

/** How an image that is pushed is signed. */
export type SignOptions =
  /** A private key: a file in PEM, cosign's encrypted ones among them, or `env://NAME` for what a variable holds. */
  | { readonly by: 'key'; readonly key: string }
  /** The program `cosign`, with a key that it knows, or keyless. */
  | { readonly by: 'cosign'; readonly key?: string; readonly tlog: boolean }
  | ({ readonly by: 'keyless' } & KeylessServices)

/** Services that make certificates for identity tokens, and keep logs; absent: those of Sigstore's public instance. */
export interface KeylessServices {
  readonly fulcioUrl?: string
  readonly rekorUrl?: string
  readonly timestampUrl?: string
  /** A file that names them, in the place of the others. */
  readonly signingConfig?: string
  /** A file: whom to believe when the signature is checked. */
  readonly trustedRoot?: string
}

const HINT = 'Write it like key=cosign.key, key=env://SIGNING_KEY, keyless, cosign, or cosign,key=awskms://...'

/** Attributes of `keyless`, called as the flags of cosign. */
const SERVICES = {
  'fulcio-url': 'fulcioUrl',
  'rekor-url': 'rekorUrl',
  'timestamp-server-url': 'timestampUrl',
  'signing-config': 'signingConfig',
  'trusted-root': 'trustedRoot',
} as const

/**
 * Reads `key=FILE|env://NAME`, `keyless[,fulcio-url=URL...]`, `cosign[,key=KEY][,tlog=false]` or `false`. Throws
 * BAD_OPTION.
 */
export function parseSign(text: string, label: string): SignOptions | false {
  if (readBool(text) === false) return false
  const isWord = (field: string) => field === 'cosign' || field === 'keyless'
  const words = text.split(',').filter(isWord)
  const attributes = parseAttributes(text, label, isWord)
  if (words.length > 1) throw badValue(label, text, 'it names more than one way', HINT)
  const fail = (why: string) => badValue(label, text, why, HINT)
  if (words[0] === 'keyless') return { by: 'keyless', ...readServices(attributes, fail) }
  const key = attributes.get('key')
  attributes.delete('key')
  const log = attributes.get('tlog')
  if (words.length > 0) attributes.delete('tlog')
  const tlog = log === undefined ? true : readBool(log)
  if (tlog === undefined) throw badValue(label, text, `tlog "${log}" is neither true nor false`, HINT)
  const [unknown] = attributes.keys()
  if (unknown !== undefined) throw badValue(label, text, `"${unknown}" is unknown`, HINT)
  if (key === '' || (key === undefined && words.length === 0)) throw badValue(label, text, 'no key is named', HINT)
  if (words.length > 0) {
    if (key === undefined && !tlog) throw badValue(label, text, 'a signature without a key needs the log', HINT)
    return compact({ by: 'cosign' as const, key, tlog })
  }
  return { by: 'key', key: key! }
}

function readServices(attributes: ReadonlyMap<string, string>, fail: (why: string) => Error): KeylessServices {
  const services: Record<string, string> = {}
  for (const [name, value] of attributes) {
    const field = Object.hasOwn(SERVICES, name) ? SERVICES[name as keyof typeof SERVICES] : undefined
    if (!field) throw fail(`"${name}" is unknown`)
    services[field] = value
  }
  const wrong = servicesProblem(services)
  if (wrong !== undefined) throw fail(wrong)
  return services
}

/** What is wrong with addresses of services. */
export function servicesProblem({
  timestampUrl,
  trustedRoot,
  signingConfig,
  ...urls
}: KeylessServices): string | undefined {
  const isUrl = (text: string) => URL.canParse(text) && /^https?:/i.test(text)
  const bad = [urls.fulcioUrl, urls.rekorUrl, timestampUrl].find((url) => url !== undefined && !isUrl(url))
  if (bad !== undefined) return `"${bad}" is no URL of http or https`
  if (signingConfig !== undefined && [urls.fulcioUrl, urls.rekorUrl, timestampUrl].some((url) => url !== undefined))
    return 'signing-config names all services: leave out their addresses'
  if (timestampUrl !== undefined && trustedRoot === undefined)
    return 'timestamp-server-url needs trusted-root: nothing else says whether its time stamps are right'
  return undefined
}
