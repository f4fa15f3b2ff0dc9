import { compact } from '../compact.ts'
import { XbuildError } from '../errors.ts'
import { parseHeredocWord } from './heredoc.ts'
import { layerHistory, runCreatedBy } from './history.ts'
import { sourceOf } from './copy-step.ts'
import { expandMount } from './mount.ts'
import { parseRunMounts } from './run-mounts.ts'
import { shellArgv, type StageState } from './state.ts'
import type { RunInstruction, RunStep } from './types.ts'

/** A RUN with its argv, environment, user and folder. */
export function runStep(instruction: RunInstruction, state: StageState): RunStep {
  const { scope, config } = state
  const { argv, files } = commandOf(instruction, state)
  const args = [...scope.args.keys()].map((name) => [name, scope.value(name) ?? ''] as const)
  return {
    kind: 'run',
    at: instruction.at,
    text: instruction.text,
    history: layerHistory(runCreatedBy(argv, args)),
    argv,
    env: scope.environment(),
    secretEnv: scope.proxies(),
    user: config.User ?? '',
    cwd: config.WorkingDir || '/',
    files,
    mounts: parseRunMounts(
      instruction.mounts.map((mount) => expandMount(mount, scope.expand)),
      {
        cwd: config.WorkingDir || '/',
        sourceOf: (from) => sourceOf(from, state),
        cacheNamespace: state.stage.args.build['BUILDKIT_CACHE_MOUNT_NS'],
      },
    ),
    network: instruction.network ?? 'default',
    ...compact({ security: instruction.security }),
    ...(instruction.devices.length === 0 ? {} : { devices: instruction.devices }),
  }
}

function commandOf(
  { command }: RunInstruction,
  state: StageState,
): { argv: readonly string[]; files: RunStep['files'] } {
  if (command.form === 'exec') return { argv: command.argv, files: [] }
  const [first] = command.heredocs
  if (!first) return { argv: shellArgv(state, command.line), files: [] }
  if (!parseHeredocWord(command.line)) {
    // The shell reads these heredocs itself.
    const bodies = command.heredocs.map(({ raw, name }) => `\n${raw}${name}`)
    return { argv: shellArgv(state, command.line + bodies.join('')), files: [] }
  }
  if (!first.content.startsWith('#!')) return { argv: shellArgv(state, first.content), files: [] }
  if (first.name.includes('/') || first.name === '.' || first.name === '..') {
    throw new XbuildError('BAD_DOCKERFILE', `Cannot use heredoc name "${first.name}": it is the name of a file`, {
      hint: 'Use a word without slashes',
    })
  }
  const path = `/dev/pipes/${first.name}`
  return { argv: shellArgv(state, path), files: [{ path, content: first.content, mode: 0o755 }] }
}
