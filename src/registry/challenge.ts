/**
 * How a registry wants to be asked, from WWW-Authenticate (RFC 9110 section 11, distribution's token authentication).
 */
export type Challenge = { readonly scheme: 'basic' } | BearerChallenge

/** A token is wanted, and this is who gives it. */
export interface BearerChallenge {
  readonly scheme: 'bearer'
  /** URL of the token service. */
  readonly realm: string
  readonly service?: string
  readonly scopes: readonly string[]
  /** The token was good but does not cover the request. */
  readonly insufficient: boolean
}

/** The challenge to answer: Bearer before Basic; undefined when there is none that xbuild knows. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const challenges = readChallenges((header ?? '').slice(0, 8192))
  const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.has('realm'))
  if (bearer) {
    const service = bearer.params.get('service')
    return {
      scheme: 'bearer',
      realm: bearer.params.get('realm') ?? '',
      ...(service ? { service } : {}),
      scopes: (bearer.params.get('scope') ?? '').split(' ').filter(Boolean),
      insufficient: bearer.params.get('error') === 'insufficient_scope',
    }
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined
}

/** `Scheme key=value, key="quoted", Other ...`: a word without `=` begins the next challenge. */
function readChallenges(header: string): { scheme: string; params: Map<string, string> }[] {
  const found: { scheme: string; params: Map<string, string> }[] = []
  const token = /[\s,]*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/gy
  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, word = '', quoted, plain] = match
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    if (value === undefined) found.push({ scheme: word.toLowerCase(), params: new Map() })
    else found.at(-1)?.params.set(word.toLowerCase(), value)
  }
  return found
}
