import type { CopyInstruction, Dockerfile, Instruction, RunInstruction, StageGraph } from '../dockerfile/types.ts'
import type { SourcePosition } from '../errors.ts'
import { formatPlatform, samePlatform } from '../platform.ts'

/** Which builder an engine without BuildKit has. */
export type ClassicBuilder = 'docker' | 'podman'

/** Something a Dockerfile asks for that a classic builder does not do. */
export interface ClassicLimit {
  readonly what: string
  readonly at: SourcePosition
}

/**
 * The first thing in the stages of a graph that the builder of an engine without BuildKit cannot do: some it would
 * refuse, some it would pass over in silence. Undefined: it can do all of it.
 */
export function classicLimit({ stages, target }: StageGraph, builder: ClassicBuilder): ClassicLimit | undefined {
  for (const { stage, platform, base } of stages) {
    if (stage.frontend !== undefined) return { what: `the syntax of ${stage.frontend}`, at: stage.from.at }
    if (base.kind === 'context') return { what: 'a named context', at: stage.from.at }
    if (!samePlatform(platform, target))
      return {
        what: `a stage for ${formatPlatform(platform)} in an image for ${formatPlatform(target)}`,
        at: stage.from.at,
      }
    for (const instruction of stage.instructions) {
      const what = limitOf(instruction, builder)
      if (what !== undefined) return { what, at: instruction.at }
    }
  }
  return undefined
}

/** The Dockerfile's text for a classic builder: one build is for one platform there, and FROM need not say which. */
export function classicText(text: string, { stages }: Dockerfile): string {
  const lines = text.split('\n')
  for (const { from } of stages) {
    if (from.platform === undefined) continue
    for (let index = from.at.line - 1; index < (from.at.endLine ?? from.at.line); index++)
      lines[index] = lines[index]!.replace(/(^|\s)--platform=\S+/i, '$1')
  }
  return lines.join('\n')
}

function limitOf(instruction: Instruction, builder: ClassicBuilder): string | undefined {
  switch (instruction.kind) {
    case 'run':
      return runLimit(instruction, builder)
    case 'copy':
    case 'add':
      return copyLimit(instruction, builder)
    default:
      return undefined
  }
}

function runLimit(
  { command, mounts, network, security, devices }: RunInstruction,
  builder: ClassicBuilder,
): string | undefined {
  if (command.form === 'shell' && command.heredocs.length > 0) return 'a heredoc'
  if (security === 'insecure') return 'RUN --security'
  if (devices.length > 0) return 'RUN --device'
  if (builder === 'podman')
    return mounts.find((mount) => /(^|,)type=(secret|ssh)(,|$)/.test(mount))
      ? 'RUN --mount=type=secret or ssh'
      : undefined
  if (mounts.length > 0) return 'RUN --mount'
  return network === undefined || network === 'default' ? undefined : 'RUN --network'
}

function copyLimit(
  { kind, heredocs, chmod, link, parents, excludes, checksum, keepGitDir, unpack }: CopyInstruction,
  builder: ClassicBuilder,
): string | undefined {
  const name = kind.toUpperCase()
  if (heredocs.length > 0) return 'a heredoc'
  if (parents) return `${name} --parents`
  if (excludes.length > 0) return `${name} --exclude`
  if (checksum !== undefined) return `${name} --checksum`
  if (keepGitDir) return `${name} --keep-git-dir`
  if (unpack !== undefined) return `${name} --unpack`
  if (link) return `${name} --link`
  return builder === 'docker' && chmod !== undefined ? `${name} --chmod` : undefined
}
