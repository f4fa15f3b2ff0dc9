import { isAbsolute, posix, relative, resolve } from 'node:path'
import { sha256 } from '../oci/digest.ts'
import type { SessionRequest } from './types.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The scope of all builds before there was one for each. */
const OLD_SCOPE = 'xbuild'
const MOST_READABLE = 100
const DIGITS = 12

/** The requests with a scope in each cache of `type=gha` that names none. */
export function withGhaScopes(requests: readonly SessionRequest[], env: Env): readonly SessionRequest[] {
  return requests.map((request) => {
    const { cacheFrom, cacheTo } = request.options
    if (![...cacheFrom, ...cacheTo].some(({ type }) => type === 'gha')) return request
    const scope = defaultScope(request, env)
    const scoped = <T extends (typeof cacheFrom)[number] | (typeof cacheTo)[number]>(entry: T): T =>
      entry.type === 'gha' && entry.scope === undefined ? { ...entry, scope, olderScope: OLD_SCOPE } : entry
    return {
      ...request,
      options: { ...request.options, cacheFrom: cacheFrom.map(scoped), cacheTo: cacheTo.map(scoped) },
    }
  })
}

/**
 * A scope that builds of the same thing have in common, on any runner: of the repository, the Dockerfile, the target
 * and, where a session has several images, the name of the image. Platforms have entries of their own in a scope.
 */
export function defaultScope(
  { image, options }: Pick<SessionRequest, 'image'> & { readonly options: ScopeFacts },
  env: Env,
): string {
  const parts = [env['GITHUB_REPOSITORY'] ?? '', dockerfileOf(options, env), options.target ?? '', image ?? '']
  const readable = parts
    .filter((part) => part !== '')
    .join('-')
    .replaceAll(/[^A-Za-z0-9_.]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, MOST_READABLE)
  return `${readable}-${sha256(JSON.stringify(parts)).slice('sha256:'.length).slice(0, DIGITS)}`
}

type ScopeFacts = Pick<SessionRequest['options'], 'context' | 'cwd'> &
  Partial<Pick<SessionRequest['options'], 'file' | 'inlineDockerfile' | 'target'>>

/** Where the Dockerfile is, without what differs from runner to runner and from commit to commit. */
function dockerfileOf({ context, file, inlineDockerfile, cwd }: ScopeFacts, env: Env): string {
  const root = env['GITHUB_WORKSPACE'] || cwd
  const inRoot = (path: string) => {
    const found = relative(root, resolve(cwd, path))
    return found.startsWith('..') || isAbsolute(found) ? resolve(cwd, path) : found
  }
  const place = isUrl(context) ? withoutCommit(context) : inRoot(context)
  if (inlineDockerfile) return `${place} inline`
  if (file === undefined) return posix.join(place, 'Dockerfile')
  if (isUrl(file)) return withoutCommit(file)
  return isUrl(context) ? posix.join(place, file) : inRoot(file)
}

function isUrl(text: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@/i.test(text)
}

/** A repository without its commit, branch and login, but with its folder. */
function withoutCommit(url: string): string {
  const [, place = '', folder = ''] = /^([^#?]*)(?:\?[^#]*)?(?:#[^:]*(?::(.*))?)?$/.exec(url) ?? []
  const clean = place.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1').replace(/\.git$/, '')
  return folder ? `${clean}/${folder}` : clean
}
