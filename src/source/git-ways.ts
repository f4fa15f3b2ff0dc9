import type { Env, GitSetting } from './git-program.ts'

/** How git reaches servers by http. */
export interface GitWay {
  readonly variables?: Env
  readonly settings?: readonly GitSetting[]
}

/** Schemes that git would connect to by itself, whatever other variables of proxies say. */
export function directSchemes(env: Env): readonly ('http' | 'https')[] {
  return (['http', 'https'] as const).filter((scheme) => !proxyOf(scheme, env))
}

/**
 * The way through a guard where git would connect by itself, else through the user's proxy. Where that one is not for
 * all hosts, git follows no redirects: they could lead to one that it is not for.
 */
export function guardedWay(guard: string | undefined, env: Env): GitWay {
  const direct = directSchemes(env)
  const isForAll = direct.length === 2 || !(env['no_proxy'] ?? env['NO_PROXY'])
  return {
    variables: {
      ...Object.fromEntries(guard === undefined ? [] : direct.map((scheme) => [`${scheme}_proxy`, guard])),
      ...(isForAll ? { no_proxy: '', NO_PROXY: '' } : {}),
    },
    settings: isForAll ? [] : [['http.followRedirects', 'false']],
  }
}

/** As git chooses it: `HTTP_PROXY` in capitals is none, and an empty variable means that there is none. */
function proxyOf(scheme: 'http' | 'https', env: Env): string | undefined {
  const own = scheme === 'https' ? (env['https_proxy'] ?? env['HTTPS_PROXY']) : env['http_proxy']
  return own ?? env['all_proxy'] ?? env['ALL_PROXY']
}
