import { shorten } from './flags.ts'

/** A URL as messages and progress show it: short, without a password. */
export function showUrl(url: string): string {
  return shorten(withoutLogins(url))
}

/** A text whose URLs hold no password any more; a user alone is a token in http(s) URLs, too, but not in others. */
export function withoutLogins(text: string): string {
  return text
    .replace(/(\bhttps?:\/\/)[^\s/?#"']*@/gi, '$1')
    .replace(/(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"':@]*:[^\s/?#"']*@/gi, '$1')
}
