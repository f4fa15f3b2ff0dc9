import { shorten } from './flags.ts'

/** A URL as messages and progress show it: short, without a password. */
export function showUrl(url: string): string {
  return shorten(url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*:[^/?#]*@/i, '$1'))
}
