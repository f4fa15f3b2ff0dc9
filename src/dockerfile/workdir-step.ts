import { layerHistory, metaHistory } from './history.ts'
import { resolvePath } from './paths.ts'
import type { StageState } from './state.ts'
import type { MetaStep, WorkdirInstruction, WorkdirStep } from './types.ts'

/** A WORKDIR, relative ones below the one before; the root is always there and makes no layer. */
export function workdirStep(
  { path: written, at, text }: WorkdirInstruction,
  state: StageState,
): WorkdirStep | MetaStep {
  const expanded = state.scope.expand(written)
  const path = resolvePath(state.config.WorkingDir || '/', expanded)
  // The config has an absolute path as it was written
  const shown = expanded.startsWith('/') ? expanded : path
  state.config = { ...state.config, WorkingDir: shown }
  const createdBy = `WORKDIR ${shown}`
  if (path === '/') return { kind: 'meta', at, text, history: metaHistory(createdBy) }
  return { kind: 'workdir', at, text, path, user: state.config.User ?? '', history: layerHistory(createdBy) }
}
