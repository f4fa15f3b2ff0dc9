import type { BuildEdges } from './types.ts'

/** The world of a build, that of this process where nobody says: its environment and streams; events go nowhere. */
export function withDefaultEdges({
  emit,
  signal,
  env,
  stdout,
  stdin,
  failFast,
  ...others
}: Partial<BuildEdges>): BuildEdges {
  return {
    ...others,
    emit: emit ?? (() => undefined),
    signal: signal ?? new AbortController().signal,
    env: env ?? process.env,
    stdout: stdout ?? process.stdout,
    stdin: stdin ?? (() => process.stdin),
    failFast: failFast ?? false,
  }
}
