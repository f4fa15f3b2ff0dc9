import { compact } from '../../compact.ts'
import { parseHeredocWord } from '../heredoc.ts'
import { splitFields } from '../split.ts'
import type { CopyInstruction, Heredoc } from '../types.ts'
import { failArguments, flagsOf, jsonListOf, type Request } from './request.ts'

const BOTH = { chown: 'text', chmod: 'text', link: 'bool', exclude: 'list' } as const
const COPY = { ...BOTH, from: 'text', parents: 'bool' } as const
const ADD = { ...BOTH, checksum: 'text', 'keep-git-dir': 'bool', unpack: 'bool' } as const

/** `COPY` and `ADD`: sources, some of them heredocs, and a destination. */
export function parseCopy(request: Request): CopyInstruction | undefined {
  const add = request.name === 'ADD'
  const copy = add ? undefined : flagsOf(request, COPY)
  const added = add ? flagsOf(request, ADD) : undefined
  const flags = copy ?? added!
  const list = jsonListOf(request)
  if (list === 'mixed') return undefined
  const words = [...(list ?? splitFields(request.rest))]
  const dest = words.pop()
  const usage = `Write ${request.name} SOURCE... DESTINATION`
  if (dest === undefined) return failArguments(request, 'it has no arguments', usage)
  if (words.length === 0) return failArguments(request, 'it has no destination', usage)
  if (!list && parseHeredocWord(dest))
    return failArguments(request, 'its destination is a heredoc', 'Write the path last')
  const { sources, heredocs } = list ? { sources: words, heredocs: [] } : splitSources(words, request.heredocs)
  return {
    kind: add ? 'add' : 'copy',
    at: request.at,
    text: request.text,
    sources,
    heredocs,
    dest,
    ...(copy?.from === undefined || copy.from === '' ? {} : { from: copy.from }),
    ...(flags.chown ? { chown: flags.chown } : {}),
    ...(flags.chmod ? { chmod: flags.chmod } : {}),
    link: flags.link ?? false,
    parents: copy?.parents ?? false,
    excludes: flags.exclude,
    ...(added?.checksum ? { checksum: added.checksum } : {}),
    keepGitDir: added?.['keep-git-dir'] ?? false,
    ...compact({ unpack: added?.unpack }),
  }
}

/** Heredoc words and their bodies come in the same order. */
function splitSources(
  words: readonly string[],
  bodies: readonly Heredoc[],
): { sources: string[]; heredocs: Heredoc[] } {
  const byName = new Map(bodies.map((body) => [body.name, body]))
  const sources: string[] = []
  const heredocs: Heredoc[] = []
  for (const word of words) {
    const start = parseHeredocWord(word)
    const body = start && byName.get(start.name)
    if (body) heredocs.push(body)
    else sources.push(word)
  }
  return { sources, heredocs }
}
