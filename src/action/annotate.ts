import { isAbsolute, relative, resolve } from 'node:path'
import { compact } from '../compact.ts'
import type { SourcePosition } from '../errors.ts'
import { cleanText, cut } from '../ui/text.ts'
import type { Seen, SeenError } from './seen.ts'
import { annotation, type Place } from './workflow.ts'

/** As many of each kind are shown; GitHub shows fewer. */
const MOST = 50

/** Folders that places are told by. */
export interface Folders {
  readonly cwd: string
  /** Annotations name files of it. */
  readonly workspace: string
}

/** An annotation for each error and, if wanted, each warning, at its line of a Dockerfile. */
export function annotationsOf(
  { errors, warnings }: Pick<Seen, 'errors' | 'warnings'>,
  { folders, checks }: { readonly folders: Folders; readonly checks: boolean },
): string[] {
  return [
    ...[...errors.values()].slice(0, MOST).map((error) => errorLine(error, folders)),
    ...(checks ? warnings : []).slice(0, MOST).map(({ message, source }) => {
      const [, before, after] = /^([A-Z][A-Za-z]+): |\(([A-Z][A-Za-z]+)\)$/.exec(message) ?? []
      return annotation('warning', cut(cleanText(message), 4000), {
        title: before ?? after ?? 'xbuild',
        at: placeOf(source, folders),
      })
    }),
  ]
}

/** The place as GitHub wants it: a path from the root of the checkout; undefined for files elsewhere. */
export function placeOf(at: SourcePosition | undefined, { cwd, workspace }: Folders): Place | undefined {
  if (!at || !Number.isInteger(at.line) || at.line < 1) return undefined
  const file = relative(workspace, resolve(cwd, at.file))
  if (file === '' || file.startsWith('..') || isAbsolute(file)) return undefined
  return { file, line: at.line, ...compact({ endLine: at.endLine }) }
}

function errorLine({ message, hint, at, platforms }: SeenError & { platforms: readonly string[] }, folders: Folders) {
  const text = [message, ...(hint ? [hint] : [])].map((part) => cut(cleanText(part), 4000)).join('\n')
  return annotation('error', text, { title: titleFor(platforms), at: placeOf(at, folders) })
}

/** The error of a question about Dockerfiles whose answer was `stdout`: its last line, which sums it up. */
export function callError(stdout: string): string {
  const last = cleanText(stdout).trimEnd().split('\n').at(-1)!
  return annotation('error', cut(last, 4000) || 'The call failed', { title: 'xbuild' })
}

function titleFor(platforms: readonly string[]): string {
  return platforms.length > 0 ? `xbuild: ${platforms.join(', ')}` : 'xbuild'
}

/**
 * Errors that were printed as text because no job had begun: those of the command line, of a Dockerfile that cannot be
 * read, of the plan.
 */
export function errorsOfText(text: string): (SeenError & { readonly platforms: string[] })[] {
  const found: { message: string; at?: SourcePosition; hint?: string; platforms: string[] }[] = []
  for (const line of text.split('\n')) {
    const message = /^(?:[\w.-]+: )?error: (.+)$/.exec(line)?.[1]
    const last = found.at(-1)
    if (message !== undefined) found.push({ message, platforms: [] })
    else if (last) {
      const [, file, number] = /^ {2}at (.+?):(\d+)(?::\d+)?$/.exec(line) ?? []
      if (file && !last.at) last.at = { file, line: Number(number) }
      const hint = /^ {2}hint: (.+)$/.exec(line)?.[1]
      if (hint) last.hint ??= hint
      const platforms = /^ {2}platform: (.+)$/.exec(line)?.[1]
      if (platforms) last.platforms = platforms.split(', ')
    }
  }
  // The last line only counts those above it
  return found.length > 1 ? found.filter(({ message }) => !/^\d+ problems? were found$/.test(message)) : found
}
