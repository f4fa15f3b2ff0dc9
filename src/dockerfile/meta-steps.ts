import { XbuildError, assertNever } from '../errors.ts'
import type { ContainerConfig, Healthcheck } from '../oci/manifest.ts'
import { shorten } from './flags.ts'
import { describeHealthcheck, metaHistory, quoteList } from './history.ts'
import { parsePorts } from './ports.ts'
import { isSignal } from './signals.ts'
import { shellArgv, type StageState } from './state.ts'
import type {
  ArgInstruction,
  CommandInstruction,
  CopyInstruction,
  EnvInstruction,
  ExposeInstruction,
  HealthcheckInstruction,
  Instruction,
  LabelInstruction,
  MetaStep,
  RunInstruction,
  StopsignalInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './types.ts'

type MetaInstruction = Exclude<Instruction, RunInstruction | CopyInstruction | WorkdirInstruction>

/** An instruction that changes only the config; ONBUILD leaves no step, as it leaves no history. */
export function metaStep(instruction: MetaInstruction, state: StageState): MetaStep | undefined {
  const createdBy = apply(instruction, state)
  if (createdBy === undefined) return undefined
  return { kind: 'meta', at: instruction.at, text: instruction.text, history: metaHistory(createdBy) }
}

/** Changes the state and says what history calls it. */
function apply(instruction: MetaInstruction, state: StageState): string | undefined {
  switch (instruction.kind) {
    case 'env':
      return applyEnv(instruction, state)
    case 'arg':
      return applyArg(instruction, state)
    case 'label':
      return applyLabel(instruction, state)
    case 'cmd':
    case 'entrypoint':
      return applyCommand(instruction, state)
    case 'expose':
      return applyExpose(instruction, state)
    case 'volume':
      return applyVolume(instruction, state)
    case 'healthcheck':
      return applyHealthcheck(instruction, state)
    case 'stopsignal':
      return applyStopsignal(instruction, state)
    case 'user': {
      const user = state.scope.expand(instruction.user)
      const { User: _, ...others } = state.config
      state.config = user === '' ? others : { ...others, User: user }
      return `USER ${user}`
    }
    case 'shell':
      change(state, { Shell: instruction.argv })
      return `SHELL [${instruction.argv.join(' ')}]`
    case 'maintainer':
      state.author = instruction.name
      return `MAINTAINER ${instruction.name}`
    case 'onbuild':
      state.triggers.push(instruction.trigger)
      return undefined
    default:
      return assertNever(instruction)
  }
}

function change(state: StageState, fields: ContainerConfig): void {
  state.config = { ...state.config, ...fields }
}

function applyEnv({ pairs }: EnvInstruction, state: StageState): string {
  const { scope } = state
  const expanded = pairs.map(({ key, value }) => [scope.expand(key), scope.expand(value)] as const)
  for (const [key, value] of expanded) scope.setEnv(key, value)
  return ['ENV', ...expanded.map(([key, value]) => `${key}=${value}`)].join(' ')
}

function applyArg({ args }: ArgInstruction, { scope }: StageState): string {
  const words = args.map(({ name, value }) => {
    const known = scope.declare(name, value)
    return known === undefined ? name : `${name}=${known}`
  })
  return `ARG ${words.join(' ')}`
}

function applyLabel({ pairs }: LabelInstruction, state: StageState): string {
  const expanded = pairs.map(({ key, value }) => [state.scope.expand(key), state.scope.expand(value)] as const)
  for (const [key, value] of expanded) state.labels.set(key, value)
  return ['LABEL', ...expanded.map(([key, value]) => `${key}=${value}`)].join(' ')
}

function applyCommand({ kind, command }: CommandInstruction, state: StageState): string {
  const argv = command.form === 'exec' ? command.argv : shellArgv(state, command.line)
  if (kind === 'cmd') {
    state.cmdIsOwn = true
    const { Cmd: _, ...others } = state.config
    state.config = { ...others, ...(argv.length === 0 ? {} : { Cmd: argv }), ArgsEscaped: true }
    return `CMD ${quoteList(argv)}`
  }
  const { Cmd, Entrypoint: _, ...rest } = state.config
  state.config = {
    ...rest,
    ...(argv.length === 0 ? {} : { Entrypoint: argv }),
    ...(state.cmdIsOwn && Cmd ? { Cmd } : {}),
  }
  return `ENTRYPOINT ${quoteList(argv)}`
}

function applyExpose({ ports }: ExposeInstruction, state: StageState): string {
  const expanded: string[] = []
  for (const word of ports.flatMap((port) => state.scope.expandWords(port))) {
    const found = parsePorts(word)
    state.portsLeft -= found.length
    if (state.portsLeft < 0)
      throw new XbuildError('BAD_DOCKERFILE', 'Cannot expose ports: this stage names too many', {
        hint: 'Remove some ranges',
      })
    for (const port of found) {
      expanded.push(port)
      state.ports.add(port)
    }
  }
  return `EXPOSE [${expanded.join(' ')}]`
}

function applyVolume({ paths }: VolumeInstruction, state: StageState): string {
  const expanded = paths.map(state.scope.expand)
  if (expanded.includes('')) {
    throw new XbuildError('BAD_DOCKERFILE', 'Cannot use volume "": its path is empty', {
      hint: 'Give the variable in it a value',
    })
  }
  for (const path of expanded) state.volumes.add(path)
  return `VOLUME [${expanded.join(' ')}]`
}

function applyHealthcheck(instruction: HealthcheckInstruction, state: StageState): string {
  const { command, interval, timeout, startPeriod, startInterval, retries } = instruction
  const test = !command ? ['NONE'] : command.form === 'exec' ? ['CMD', ...command.argv] : ['CMD-SHELL', command.line]
  const check: Healthcheck = {
    Test: test,
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(startPeriod ? { StartPeriod: startPeriod } : {}),
    ...(startInterval ? { StartInterval: startInterval } : {}),
    ...(retries ? { Retries: retries } : {}),
  }
  change(state, { Healthcheck: check })
  return `HEALTHCHECK ${describeHealthcheck(check)}`
}

function applyStopsignal({ signal: written }: StopsignalInstruction, state: StageState): string {
  const signal = state.scope.expand(written)
  if (!isSignal(signal)) {
    throw new XbuildError('BAD_DOCKERFILE', `Cannot use signal "${shorten(signal)}": it is unknown`, {
      hint: 'Write it like SIGTERM or 15',
    })
  }
  change(state, { StopSignal: signal })
  return `STOPSIGNAL ${signal}`
}
