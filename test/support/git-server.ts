import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { dirname, join } from 'node:path'

/** A repository with a work tree, made with the real git. */
export interface TestRepository {
  readonly folder: string
  /** Runs git in it; gives its output without the last newline. */
  git(...args: readonly string[]): string
  /** Writes files, commits all there is, gives the commit id. */
  commit(files?: Readonly<Record<string, string>>): string
}

const WHO = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
}
/** When all commits are made, seconds since the epoch. */
export const COMMIT_TIME = 1_600_000_000

export function makeRepository(folder: string): TestRepository {
  mkdirSync(folder, { recursive: true })
  const env = {
    ...process.env,
    ...WHO,
    GIT_AUTHOR_DATE: `${COMMIT_TIME} +0000`,
    GIT_COMMITTER_DATE: `${COMMIT_TIME} +0000`,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
  }
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd()
  git('init', '--quiet', '--initial-branch=main')
  return {
    folder,
    git,
    commit(files = {}) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), text)
      }
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '-m', 'a change')
      return git('rev-parse', 'HEAD')
    },
  }
}

/** Serves every repository below `root` by git's own server program, over CGI (RFC 3875). */
export function smartGit(root: string, prefix: string): RequestListener {
  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const child = spawn('git', ['http-backend'], {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: path.slice(prefix.length),
        QUERY_STRING: query,
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
        REMOTE_ADDR: '127.0.0.1',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    request.pipe(child.stdin)
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.once('close', () => {
      const all = Buffer.concat(parts)
      const end = all.indexOf('\r\n\r\n')
      const headers = Object.fromEntries(
        all
          .subarray(0, end)
          .toString()
          .split('\r\n')
          .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      )
      response.writeHead(Number.parseInt(headers['status'] ?? '200', 10), headers).end(all.subarray(end + 4))
    })
  }
}

/** Serves the files of a repository as any web server would: git calls it the dumb protocol. */
export function dumbGit({ folder, git }: TestRepository, prefix: string): RequestListener {
  git('update-server-info')
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0]!.slice(prefix.length)
    try {
      response.writeHead(200).end(readFileSync(join(folder, '.git', path)))
    } catch {
      response.writeHead(404).end()
    }
  }
}
