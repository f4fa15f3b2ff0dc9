import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'
import { layerHistory } from './history.ts'
import { excludeMatcher } from './ignore.ts'
import { resolveDest, slashPath, sourcePath } from './paths.ts'
import { compilePattern } from './pattern.ts'
import { isRemote, parseRemote, withChecksum, type Remote } from './remote.ts'
import { withoutLogins } from './show-url.ts'
import { workingFolder, type StageState } from './state.ts'
import type { CopyInstruction, CopyStep, Heredoc, StageSource } from './types.ts'

/** A COPY or ADD with its paths relative to their roots. */
export function copyStep(instruction: CopyInstruction, state: StageState): CopyStep {
  const { expand } = state.scope
  const add = instruction.kind === 'add'
  const windows = state.stage.platform.os === 'windows'
  const sources = instruction.sources.map(expand)
  const remotes = add ? sources.flatMap((source) => remoteOf(source, instruction)) : []
  const local = add ? sources.filter((source) => !isRemote(source)) : sources
  const slashed = (path: string) => (windows ? slashPath(path) : path)
  const inline = instruction.heredocs.map((heredoc) => inlineFile(heredoc, state))
  const dest = expand(instruction.dest)
  for (const source of local) compilePattern(slashed(source))
  excludeMatcher(instruction.excludes)
  for (const pattern of instruction.excludes.filter((one) => /\$\{?\w/.test(one)))
    state.warn(
      'exclude-variable',
      instruction.at,
      `--exclude does not expand variables: "${shorten(pattern)}" is used as it is written`,
      'Write the pattern without variables',
    )
  const chown = instruction.chown === undefined ? undefined : expand(instruction.chown)
  const chmod = instruction.chmod === undefined ? undefined : checkChmod(expand(instruction.chmod))
  const checksum =
    instruction.checksum === undefined ? undefined : checkChecksum(expand(instruction.checksum), sources, remotes)
  const checked = checksum === undefined ? remotes : remotes.map((remote) => withChecksum(remote, checksum))
  const from = instruction.from === undefined ? undefined : sourceOf(instruction.from, state)
  const words = [
    add ? 'ADD' : 'COPY',
    ...(instruction.parents ? ['--parents'] : []),
    ...(chown ? [`--chown=${chown}`] : []),
    ...(chmod ? [`--chmod=${chmod}`] : []),
    ...(add ? sources.map(withoutLogins) : sources),
    ...inline.map(({ name }) => `<<${name}`),
    dest,
  ]
  return {
    kind: 'copy',
    at: instruction.at,
    text: add ? withoutLogins(instruction.text) : instruction.text,
    history: layerHistory(`${words.join(' ')} # buildkit`),
    add,
    ...compact({ from }),
    sources: local.map(slashed).map((source) => (instruction.parents ? withPivot(source) : sourcePath(source))),
    ...(checked.length === 0 ? {} : { remotes: checked }),
    inline,
    dest: resolveDest(workingFolder(state), slashed(dest)),
    ...(chown ? { chown } : {}),
    ...(chmod ? { chmod } : {}),
    excludes: instruction.excludes,
    parents: instruction.parents,
    link: instruction.link,
    ...compact({ unpack: instruction.unpack }),
  }
}

function remoteOf(source: string, { keepGitDir }: CopyInstruction): Remote[] {
  const remote = parseRemote(source)
  if (!remote) return []
  return [remote.kind === 'git' && keepGitDir ? { ...remote, keepGitDir } : remote]
}

/**
 * What a `--from` or a mount's `from` names. Only a trigger of a base image can name something that the stage graph
 * has not seen: an image then.
 */
export function sourceOf(text: string, { stage, warn }: StageState): StageSource {
  if (Object.hasOwn(stage.froms, text)) return stage.froms[text]!
  warn(
    'onbuild-from',
    stage.stage.from.at,
    `The base image copies from "${shorten(text)}", which is treated as an image`,
    'Use a base image without that ONBUILD if you mean a stage',
  )
  return { kind: 'image', ref: text }
}

function inlineFile({ name, content, expand }: Heredoc, { scope }: StageState): { name: string; content: string } {
  if (name.includes('/') || name === '.' || name === '..') {
    throw new XbuildError('BAD_DOCKERFILE', `Cannot use heredoc name "${name}": it is the name of a file`, {
      hint: 'Use a word without slashes',
    })
  }
  return { name, content: expand ? scope.expandBody(content) : content }
}

/**
 * `FOLDER/./PATTERN`: what stays below the destination begins after the pivot, which is the root unless somebody
 * wrote another.
 */
function withPivot(source: string): string {
  const pivot = source.indexOf('/./')
  const [folder, pattern] = pivot === -1 ? ['.', source] : [source.slice(0, pivot), source.slice(pivot + 3)]
  return `${sourcePath(folder)}/./${sourcePath(pattern)}`
}

function checkChmod(chmod: string): string {
  const octal = /^0*[0-7]{1,4}$/.test(chmod)
  const symbolic = chmod.length <= 200 && chmod.split(',').every((part) => /^[ugoa]*([-+=][rwxXstugo]*)+$/.test(part))
  if (chmod === '' || octal || symbolic) return chmod
  throw new XbuildError('BAD_DOCKERFILE', `Cannot use mode "${shorten(chmod)}": it is neither octal nor symbolic`, {
    hint: 'Write it like --chmod=755 or --chmod=u=rwX,go=rX',
  })
}

function checkChecksum(checksum: string, sources: readonly string[], remotes: readonly Remote[]): string {
  if (sources.length === 1 && remotes.length === 1) return checksum
  throw new XbuildError(
    'BAD_DOCKERFILE',
    `Cannot check "${shorten(checksum)}": a checksum needs exactly one source, which must be a URL`,
    {
      hint: 'Write one ADD per source',
    },
  )
}
