import { XbuildError } from '../errors.ts'
import { shorten } from './flags.ts'
import { layerHistory, metaHistory } from './history.ts'
import { resolvePath, slashPath } from './paths.ts'
import { workingFolder, type StageState } from './state.ts'
import type { MetaStep, WorkdirInstruction, WorkdirStep } from './types.ts'

/** Bytes of the longest path that Linux takes (PATH_MAX, without the zero at its end). */
const MAX_PATH = 4095

/** A WORKDIR, relative ones below the one before; the root is always there and makes no layer. */
export function workdirStep(
  { path: written, at, text }: WorkdirInstruction,
  state: StageState,
): WorkdirStep | MetaStep {
  const expanded = state.scope.expand(written)
  const windows = state.stage.platform.os === 'windows'
  const path = resolvePath(workingFolder(state), windows ? slashPath(expanded) : expanded)
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH)
    throw new XbuildError('BAD_DOCKERFILE', `Cannot use WORKDIR "${shorten(path)}": the path has ${bytes} bytes`, {
      hint: `Use a shorter one: Linux takes ${MAX_PATH} bytes`,
    })
  // The config has an absolute path as it was written, or as Windows writes it
  const same = expanded === '' && !windows ? state.config.WorkingDir : undefined
  const shown = same ?? (windows || !expanded.startsWith('/') ? path : expanded)
  state.config = { ...state.config, WorkingDir: windows ? path.replaceAll('/', '\\') : shown }
  const createdBy = `WORKDIR ${shown}`
  if (path === '/') return { kind: 'meta', at, text, history: metaHistory(createdBy) }
  return { kind: 'workdir', at, text, path, user: state.config.User ?? '', history: layerHistory(createdBy) }
}
