import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { BAKE_FLAGS, readBakeCommand } from '../config/bake/flags.ts'
import type { LineInput } from '../config/build-line.ts'
import { COMPOSE_FLAGS, readComposeCommand } from '../config/compose/flags.ts'
import { openAsks } from '../config/images/allow.ts'
import { settingsOf } from '../config/images/settings.ts'
import type { ImageTarget } from '../config/images/target.ts'
import type { Ask } from '../config/project.ts'
import type { TrustCommand } from '../config/trust-flags.ts'
import { readFlags } from '../config/read-flags.ts'
import { createGrantedJudge } from './granted.ts'
import { readProjectText } from './project-text.ts'
import type { Terminal } from './terminal.ts'
import { digestOf, placeOf } from './trusted-asks.ts'

/** A compose or bake file of this machine, and what in it nobody but the user may grant. */
export interface AskingFile {
  /** Absolute; folders resolved. */
  readonly path: string
  readonly digest: string
  readonly asks: readonly Ask[]
}

/**
 * What a compose or bake file asks for, whichever of its targets are built; undefined when it is neither of them. It is
 * read with the files that are read with it by themselves, or alone.
 */
export async function readAskingFile(
  { file, cwd, localPlatform }: Extract<TrustCommand, { file: string }>,
  terminal: Terminal,
): Promise<AskingFile | undefined> {
  const path = placeOf(file, cwd)
  const text = readProjectText(path, file)
  const kind = text === undefined ? undefined : kindOf(path, text)
  if (kind === undefined) return undefined
  const own = { ...terminal, stderr: { ...terminal.stderr, write: () => true } as unknown as Terminal['stderr'] }
  const read = async (alone: boolean): Promise<{ targets: readonly ImageTarget[]; project: string }> => {
    const given = new Map(alone ? [['file', [file]]] : [])
    const input: LineInput = { command: '', words: [], given, env: terminal.env, cwd, localPlatform, commands: [] }
    if (kind === 'bake') {
      const { readAllTargets } = await import('./bake.ts')
      const targets = await readAllTargets(readBakeCommand(readFlags(BAKE_FLAGS, input), input), own)
      return { targets, project: cwd }
    }
    const { openProject } = await import('./compose.ts')
    const line = { ...input, words: ['build'], given: new Map([...given, ['profile', ['*']]]) }
    const { folder, project } = await openProject(readComposeCommand(readFlags(COMPOSE_FLAGS, line), line), own)
    return { targets: project.targets, project: folder }
  }
  const isOfFile = ({ at }: Ask) => placeOf(at.file, cwd) === path
  const together = await read(false).catch(() => undefined)
  const asks = asksOf(together ?? (await read(true)), terminal.env, cwd)
  const found = asks.some(isOfFile) ? asks : asksOf(await read(true), terminal.env, cwd)
  return { path, digest: digestOf(path) ?? '', asks: found.filter(isOfFile) }
}

const NOTHING = { read: [], write: [], rights: [] }

function asksOf(
  { targets, project }: { readonly targets: readonly ImageTarget[]; readonly project: string },
  env: Terminal['env'],
  cwd: string,
): Ask[] {
  const settings = targets.flatMap((target) => settingsOf(target, env))
  return openAsks(settings, NOTHING, createGrantedJudge(realpathSync(resolve(cwd, project)), NOTHING, cwd))
}

function kindOf(path: string, text: string): 'bake' | 'compose' | undefined {
  if (/\.(?:hcl|json)$/i.test(path)) return 'bake'
  return /\.ya?ml$/i.test(path) && /^(?:services|include):/m.test(text) ? 'compose' : undefined
}
