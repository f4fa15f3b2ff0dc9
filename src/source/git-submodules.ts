import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { hostOfGit } from '../dockerfile/git-url.ts'
import { XbuildError } from '../errors.ts'

/** How submodules are brought. */
export interface SubmoduleEdges {
  /** Runs git in a folder; gives its output. */
  run(args: readonly string[], folder: string): Promise<string>
  /** Throws for a host that a build may not reach. */
  judge(host: string): Promise<void>
}

/**
 * Brings the submodules of a work tree, those of submodules too, as `git submodule update --init --recursive` does. The
 * address of each is judged before git asks it. Throws what `judge` throws, and UNSUPPORTED for an address without a host.
 */
export async function bringSubmodules(folder: string, edges: SubmoduleEdges): Promise<void> {
  const { run, judge } = edges
  if (!lstatSync(join(folder, '.gitmodules'), { throwIfNoEntry: false })?.isFile()) return
  await run(['submodule', '--quiet', 'init'], folder)
  for (const url of urlsIn(await run(['config', '--local', '-z', '--list'], folder))) await judge(hostOf(url))
  await run(['submodule', '--quiet', 'update', '--depth=1'], folder)
  const staged = (await run(['ls-files', '-z', '--stage'], folder)).split('\0')
  for (const line of staged) {
    const path = /^160000 [0-9a-f]+ 0\t(.+)$/s.exec(line)?.[1]
    // Without a repository of its own, git would take the one above for it
    if (path !== undefined && existsSync(join(folder, path, '.git'))) await bringSubmodules(join(folder, path), edges)
  }
}

/** Lines of git's own configuration: a name, a line feed, the value. */
function urlsIn(listed: string): string[] {
  return listed.split('\0').flatMap((line) => {
    const [, url] = /^submodule\.[^\n]*\.url\n(.*)$/s.exec(line) ?? []
    return url === undefined ? [] : [url]
  })
}

/** What git and this program could read in two ways has no host that can be judged. */
function hostOf(url: string): string {
  const host = /[\\\s\u0000-\u001f]/.test(url) ? '' : hostOfGit(url)
  if (host !== '') return host
  throw new XbuildError('UNSUPPORTED', `Cannot bring the submodule "${url.slice(0, 200)}": its address has no host`, {
    hint: 'Use an https, http, ssh or git URL, or leave submodules out with ?submodules=false',
  })
}
