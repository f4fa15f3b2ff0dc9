import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { hostOfGit } from '../dockerfile/git-url.ts'
import { XbuildError } from '../errors.ts'
import type { GitBudget } from './git-budget.ts'

/** How submodules are brought. */
export interface SubmoduleEdges {
  /** Runs git in a folder; gives its output. */
  run(args: readonly string[], folder: string, onOutput?: (chunk: Buffer) => void): Promise<string>
  /** Throws for a host that a build may not reach. */
  judge(host: string): Promise<void>
  /** What all of them together may have. */
  readonly budget: GitBudget
}

/**
 * Brings the submodules of a work tree, those of submodules too, as `git submodule update --init --recursive` does. The
 * address of each is judged before git asks it. Throws what `judge` throws, and UNSUPPORTED for an address without a host.
 */
export async function bringSubmodules(folder: string, edges: SubmoduleEdges): Promise<void> {
  const { run, judge, budget } = edges
  if (!lstatSync(join(folder, '.gitmodules'), { throwIfNoEntry: false })?.isFile()) return
  await run(['submodule', '--quiet', 'init'], folder)
  for (const url of urlsIn(await itemsOf(['config', '--local', '-z', '--list'], folder, edges)))
    await judge(hostOf(url))
  await run(['submodule', '--quiet', 'update', '--depth=1'], folder)
  for (const path of pathsIn(await itemsOf(['ls-files', '-z', '--stage'], folder, edges))) {
    const inner = join(folder, path)
    // Without a repository of its own, git would take the one above for it
    if (!existsSync(join(inner, '.git'))) continue
    budget.enter()
    await run(['ls-files', '-z'], inner, budget.count)
    await bringSubmodules(inner, edges)
    budget.leave()
  }
}

/** What git prints with zero bytes between, all of it: of a long output no more than its end is kept. */
async function itemsOf(args: readonly string[], folder: string, { run, budget }: SubmoduleEdges): Promise<string[]> {
  const pieces: Buffer[] = []
  await run(args, folder, (chunk) => {
    budget.countListed(chunk)
    pieces.push(chunk)
  })
  return Buffer.concat(pieces).toString().split('\0')
}

/** Addresses of submodules. An item of git's own configuration: a name, a line feed, the value. */
function urlsIn(items: readonly string[]): string[] {
  return items.flatMap((item) => /^submodule\.[^\n]*\.url\n(.*)$/s.exec(item)?.[1] ?? [])
}

/** Paths of the submodules that a work tree has. */
function pathsIn(items: readonly string[]): string[] {
  return items.flatMap((item) => /^160000 [0-9a-f]+ 0\t(.+)$/s.exec(item)?.[1] ?? [])
}

/** What git and this program could read in two ways has no host that can be judged. */
function hostOf(url: string): string {
  const host = /[\\\s\u0000-\u001f]/.test(url) ? '' : hostOfGit(url)
  if (host !== '') return host
  throw new XbuildError('UNSUPPORTED', `Cannot bring the submodule "${url.slice(0, 200)}": its address has no host`, {
    hint: 'Use an https, http, ssh or git URL, or leave submodules out with ?submodules=false',
  })
}
