import { compact } from '../compact.ts'
import { XbuildError, type Diagnostic, type SourcePosition } from '../errors.ts'
import type { ContainerConfig } from '../oci/manifest.ts'
import { copyStep } from './copy-step.ts'
import { metaStep } from './meta-steps.ts'
import { parseTrigger } from './parse.ts'
import { runStep } from './run-step.ts'
import { createScope, type Scope } from './scope.ts'
import type { StageState } from './state.ts'
import { suggest } from '../did-you-mean.ts'
import type { EvaluatedStage, GraphStage, Instruction, StageBase, Step, UnsetVariable } from './types.ts'
import { workdirStep } from './workdir-step.ts'

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The rule of a word that is wrong whatever its variables are. */
export const MALFORMED_WORD = 'malformed-word'

/**
 * Runs through a stage without running anything: every variable expanded, every step with the state it runs in,
 * and the config at the end. Problems are collected; a step that has one is left out.
 */
export function evaluateStage(stage: GraphStage, base: StageBase): EvaluatedStage {
  const diagnostics: Diagnostic[] = []
  const unset = createUnset()
  const state = startState(stage, base, { diagnostics, onUnset: unset.note })
  const steps: Step[] = []
  const triggers = baseTriggers(stage, base, diagnostics)
  for (const instruction of [...triggers, ...stage.stage.instructions]) {
    // What a trigger leaves unset is the matter of the image that has it.
    unset.at = triggers.includes(instruction) ? undefined : instruction.at
    try {
      const step = evaluate(instruction, state)
      if (step) steps.push(step)
    } catch (error) {
      if (!(error instanceof XbuildError)) throw error
      const { message, hint, facts } = error
      const rule = facts.malformedWord ? MALFORMED_WORD : 'bad-instruction'
      diagnostics.push({ rule, severity: 'error', message, hint, at: instruction.at })
    }
  }
  return {
    steps,
    config: finishConfig(state),
    ...compact({ author: state.author }),
    args: Object.fromEntries(state.scope.args),
    ...(unset.found.size === 0 ? {} : { unset: [...unset.found.values()].map((one) => withSimilar(one, state.scope)) }),
    diagnostics,
  }
}

const MOST_UNSET = 500

/** Collects the variables that stand for nothing, each once per instruction. */
function createUnset() {
  const found = new Map<string, UnsetVariable>()
  const unset = { found, at: undefined as SourcePosition | undefined, note }
  function note(name: string): void {
    const { at } = unset
    if (at && found.size < MOST_UNSET) found.set(`${at.line} ${name}`, { name, at })
  }
  return unset
}

function withSimilar(variable: UnsetVariable, { env, args }: Scope): UnsetVariable {
  // A stage with more variables was written by a program, which does not mistype.
  const names = [...env.keys(), ...args.keys()]
  const similar =
    names.length > 200
      ? undefined
      : suggest(
          variable.name,
          names.filter((name) => name !== variable.name),
        )
  return similar === undefined ? variable : { ...variable, similar }
}

function startState(
  stage: GraphStage,
  base: StageBase,
  { diagnostics, onUnset }: { diagnostics: Diagnostic[]; onUnset: (name: string) => void },
): StageState {
  const { Env = [], Labels = {}, ExposedPorts = {}, Volumes = {}, OnBuild: _, ...config } = base.config
  const needsPath = stage.platform.os !== 'windows' && !Env.some((variable) => variable.startsWith('PATH='))
  const env = needsPath ? [...Env, `PATH=${DEFAULT_PATH}`] : Env
  const scratch = stage.base.kind === 'scratch' && !config.WorkingDir
  return {
    stage,
    config: scratch ? { ...config, WorkingDir: stage.platform.os === 'windows' ? '\\' : '/' } : config,
    labels: new Map(Object.entries(Labels)),
    ports: new Set(Object.keys(ExposedPorts)),
    volumes: new Set(Object.keys(Volumes)),
    triggers: [],
    portsLeft: 1 << 18,
    scope: createScope({ env, inherited: base.args ?? {}, args: stage.args, escape: stage.escape ?? '\\', onUnset }),
    cmdIsOwn: false,
    warn: (rule, at, message, hint) => {
      diagnostics.push({ rule, severity: 'warning', message, ...compact({ hint }), at })
    },
  }
}

/** The ONBUILD triggers of the base, which run before everything else, at the position of FROM. */
function baseTriggers(stage: GraphStage, base: StageBase, diagnostics: Diagnostic[]): Instruction[] {
  return (base.config.OnBuild ?? []).flatMap((trigger) => {
    const parsed = parseTrigger(trigger, stage.stage.from.at)
    diagnostics.push(...parsed.diagnostics)
    return parsed.instruction ?? []
  })
}

function evaluate(instruction: Instruction, state: StageState): Step | undefined {
  switch (instruction.kind) {
    case 'run':
      return runStep(instruction, state)
    case 'copy':
    case 'add':
      return copyStep(instruction, state)
    case 'workdir':
      return workdirStep(instruction, state)
    default:
      return metaStep(instruction, state)
  }
}

/** The config with what grew beside it; keys sorted, empty things left out. */
function finishConfig({ config, scope, labels, ports, volumes, triggers }: StageState): ContainerConfig {
  return {
    ...config,
    ...(scope.env.size === 0 ? {} : { Env: [...scope.env].map(([name, value]) => `${name}=${value}`) }),
    ...(labels.size === 0 ? {} : { Labels: sorted(labels) }),
    ...(ports.size === 0 ? {} : { ExposedPorts: sorted([...ports].map((port) => [port, {}])) }),
    ...(volumes.size === 0 ? {} : { Volumes: sorted([...volumes].map((path) => [path, {}])) }),
    ...(triggers.length === 0 ? {} : { OnBuild: triggers }),
  }
}

function sorted<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
