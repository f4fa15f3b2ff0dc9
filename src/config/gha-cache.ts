import { parseAge } from './store-values.ts'

/** Takes an attribute out of those that are not read yet. */
export type Take = (name: string) => string | undefined

/** Which cache of GitHub's service, and how it is reached. */
export interface GhaSettings {
  /** Keeps caches apart. Default: made of the repository, the Dockerfile and the target. */
  readonly scope?: string
  /** Scope that is read when there is nothing under `scope` yet. */
  readonly olderScope?: string
  /** Default: that of the running workflow. */
  readonly url?: string
  /** Default: that of the running workflow. */
  readonly token?: string
  /** Milliseconds that reading, and that writing, may take. */
  readonly timeout?: number
}

/** Reads the attributes of `type=gha`. Throws BAD_OPTION. */
export function readGha(take: Take, label: string): GhaSettings {
  const [scope, url, token, timeout] = [take('scope'), take('url_v2'), take('token'), take('timeout')]
  // Of the service before this one; and what asks GitHub whether an entry is there, which is seen without
  for (const name of ['url', 'repository', 'ghtoken']) take(name)
  return {
    ...(scope ? { scope } : {}),
    ...(url ? { url } : {}),
    ...(token ? { token } : {}),
    ...(timeout ? { timeout: parseAge(timeout, `${label} timeout=`) } : {}),
  }
}
