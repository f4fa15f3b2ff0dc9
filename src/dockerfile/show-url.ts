import { shorten } from './flags.ts'

/** A URL as messages and progress show it: short, without a password. */
export function showUrl(url: string): string {
  return shorten(withoutLoginOf(url))
}

/** One URL without a login; here, unlike in a text, a quote is a part of it. */
export function withoutLoginOf(url: string): string {
  return withoutLogins(url)
    .replace(/^(https?:\/\/)[^\s/?#]*@/i, '$1')
    .replace(/^([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#:@]*:[^\s/?#]*@/i, withoutLogin)
}

/** A text whose URLs hold no password any more; a user alone is a token in http(s) URLs, too, but not in others. */
export function withoutLogins(text: string): string {
  return text
    .replace(/(\bhttps?:\/\/)[^\s/?#"']*@/gi, '$1')
    .replace(/(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"':@]*:[^\s/?#"']*@/gi, withoutLogin)
}

// In docker-image://NAME:TAG@DIGEST nothing is a login
function withoutLogin(url: string, scheme: string): string {
  return /^(?:docker-image|oci-layout):/i.test(scheme) ? url : scheme
}
