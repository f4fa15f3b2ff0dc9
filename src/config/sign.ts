import { compact } from '../compact.ts'
import { parseAttributes, badValue, readBool } from './values.ts'

/** How an image that is pushed is signed. */
export type SignOptions =
  /** A private key: a file in PEM, cosign's encrypted ones among them, or `env://NAME` for what a variable holds. */
  | { readonly by: 'key'; readonly key: string }
  /** The program `cosign`, with a key that it knows, or keyless. */
  | { readonly by: 'cosign'; readonly key?: string; readonly tlog: boolean }

const HINT = 'Write it like key=cosign.key, key=env://SIGNING_KEY, cosign, or cosign,key=awskms://...'

/** Reads `key=FILE|env://NAME`, `cosign[,key=KEY][,tlog=false]` or `false`. Throws BAD_OPTION. */
export function parseSign(text: string, label: string): SignOptions | false {
  if (readBool(text) === false) return false
  const isWord = (field: string) => field === 'cosign' || field === 'keyless'
  const words = text.split(',').filter(isWord)
  if (words.includes('keyless'))
    throw badValue(label, text, 'xbuild has no keyless signing of its own', 'Install cosign, and write --sign cosign')
  const attributes = parseAttributes(text, label, isWord)
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
