import type { SourcePosition } from '../errors.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import { slashPath } from './paths.ts'
import type { Scope } from './scope.ts'
import type { GraphStage } from './types.ts'

/** What changes while a stage is evaluated; it lives for one call of `evaluateStage`. */
export interface StageState {
  readonly stage: GraphStage
  /** Replaced as a whole by each instruction that changes it; lists that grow are beside it. */
  config: Omit<ContainerConfig, 'Env' | 'Labels' | 'ExposedPorts' | 'Volumes' | 'OnBuild'>
  readonly labels: Map<string, string>
  readonly ports: Set<string>
  readonly volumes: Set<string>
  readonly triggers: string[]
  /** How many ports EXPOSE may still name: ranges are short to write and long to keep. */
  portsLeft: number
  readonly scope: Scope
  /** Whether this stage itself has a CMD: an ENTRYPOINT then leaves it alone. */
  cmdIsOwn: boolean
  author?: string
  readonly warn: (rule: string, at: SourcePosition, message: string, hint?: string) => void
}

/** The argv of a command in shell form under the stage's SHELL. */
export function shellArgv(state: StageState, line: string): string[] {
  const usual = state.stage.platform.os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c']
  const shell = state.config.Shell?.length ? state.config.Shell : usual
  return [...shell, line]
}

/** Where relative paths begin, with slashes. */
export function workingFolder({ config, stage }: StageState): string {
  const folder = config.WorkingDir || '/'
  return stage.platform.os === 'windows' ? slashPath(folder) : folder
}
