import { release } from 'node:os'
import { compact } from '../../compact.ts'
import { platformOfNodeArch } from '../../platform.ts'
import { ARCHITECTURES, type Architecture } from '../architectures.ts'
import { type Emulator, type Environment, findEmulators } from '../emulators.ts'
import { type Handler, handlersFor, readHandlers } from '../handlers.ts'
import { siblingOf } from '../native.ts'
import { type BinfmtState, binfmtState } from './binfmt.ts'
import { isReadAtBoot, readBootFiles } from './boot-files.ts'
import { describeInterpreter, type Interpreter, readFormats } from './describe.ts'
import { flagMeanings } from './flags.ts'
import { knownProblems } from './known-bad.ts'
import { type Origin, originOf } from './origin.ts'
import { type ProgramTest, testPrograms } from './test-programs.ts'

/** A handler of the machine, and what is known of it. */
export interface HandlerStatus {
  readonly name: string
  readonly enabled: boolean
  /** Letters as the kernel shows them. */
  readonly flags: string
  readonly meanings: ReturnType<typeof flagMeanings>
  readonly interpreter: Interpreter
  readonly origin: Origin
}

/** How programs of one architecture run on this machine, outside of builds. */
export interface ArchitectureStatus {
  /** GOARCH. */
  readonly architecture: string
  /** `cpu`: without a handler; `images`: in images too; `here`: only where the interpreter lies; `no`. */
  readonly runs: 'cpu' | 'images' | 'here' | 'no'
  readonly handlers: readonly HandlerStatus[]
  /** What `xbuild qemu install` and builds would take. */
  readonly emulator?: Interpreter & { readonly static: boolean }
  readonly warnings: readonly Warning[]
}

/** What to beware of. */
export interface Warning {
  readonly text: string
  /** In the imperative. */
  readonly fix?: string
}

/** Handlers of the whole machine. */
export interface MachineStatus {
  readonly binfmt: BinfmtState
  readonly architectures: readonly ArchitectureStatus[]
}

/** Looks at this machine's handlers and runs a program of each architecture. Changes nothing. */
export async function machineStatus({
  env,
  signal,
  only,
}: {
  readonly env: Environment
  readonly signal: AbortSignal
  readonly only?: readonly string[]
}): Promise<MachineStatus> {
  const chosen = ARCHITECTURES.filter(({ name }) => !only?.length || only.includes(name))
  const [binfmt, handlers, emulators, bootFiles, formats, atBoot, tested] = await Promise.all([
    binfmtState(),
    readHandlers(),
    findEmulators(env, chosen),
    readBootFiles(),
    readFormats(),
    isReadAtBoot(),
    testPrograms(chosen, { signal }),
  ])
  const shown = await Promise.all(
    chosen.map(async (architecture, index): Promise<ArchitectureStatus> => {
      const own = await Promise.all(
        handlersFor(architecture, handlers).map((handler) => statusOf(handler, { bootFiles, formats, signal })),
      )
      const emulator = emulators.find((one) => one.architecture === architecture.name)
      const described = emulator && {
        ...(await describeInterpreter(emulator.path, { signal })),
        static: emulator.static,
      }
      const runs = runsOf(tested[index], own)
      return {
        architecture: architecture.name,
        runs,
        handlers: own,
        ...compact({ emulator: described }),
        warnings: warningsOf(architecture, { runs, own, emulator: described, atBoot }),
      }
    }),
  )
  return { binfmt, architectures: shown }
}

async function statusOf(
  handler: Handler,
  {
    bootFiles,
    formats,
    signal,
  }: { bootFiles: ReadonlyMap<string, string>; formats: ReadonlyMap<string, string>; signal: AbortSignal },
): Promise<HandlerStatus> {
  const { name, enabled, flags } = handler
  const interpreter = await describeInterpreter(handler.interpreter, { signal })
  return {
    name,
    enabled,
    flags,
    meanings: flagMeanings(flags),
    interpreter,
    origin: originOf(handler, { bootFiles, formats, interpreterExists: interpreter.exists }),
  }
}

function runsOf(tested: ProgramTest | undefined, handlers: readonly HandlerStatus[]): ArchitectureStatus['runs'] {
  if (!tested?.here) return tested?.inImages ? 'images' : 'no'
  if (!handlers.some(({ enabled }) => enabled)) return 'cpu'
  // Where no root folder could be entered, the flag has to be believed
  return (tested.inImages ?? handlers.some(({ enabled, flags }) => enabled && flags.includes('F'))) ? 'images' : 'here'
}

interface WarningFacts {
  readonly runs: ArchitectureStatus['runs']
  readonly own: readonly HandlerStatus[]
  readonly emulator: (Interpreter & Pick<Emulator, 'static'>) | undefined
  readonly atBoot: boolean
}

function warningsOf({ name }: Architecture, { runs, own, emulator, atBoot }: WarningFacts): Warning[] {
  const enabled = own.filter((handler) => handler.enabled)
  const host = platformOfNodeArch(process.arch).architecture
  const warnings: Warning[] = []
  const warn = (text: string, fix?: string) =>
    void (warnings.some((one) => one.text === text) || warnings.push({ text, ...compact({ fix }) }))
  for (const { name: handler, flags, interpreter, origin } of enabled) {
    if (!flags.includes('F') && runs !== 'images')
      warn(
        `${handler} lacks the flag F: it does not work in images`,
        'Register a handler of xbuild before it: sudo xbuild qemu install --force',
      )
    if (!interpreter.exists && origin.by !== 'a container') {
      warn(
        `${handler}: there is no ${interpreter.path}${flags.includes('F') ? '; it works until it is registered again' : ''}`,
        'Install QEMU again',
      )
    }
    if (origin.file === undefined)
      warn(
        `${handler} is gone after a reboot: no file registers it`,
        'Register handlers that stay: sudo xbuild qemu install --force',
      )
    else if (!atBoot && origin.by !== 'update-binfmts')
      warn(
        `${handler} is gone after a reboot: nothing on this machine reads ${origin.file}`,
        'Run sudo xbuild qemu install after each',
      )
  }
  for (const { name: handler, enabled: on } of own) if (!on) warn(`${handler} is switched off`)
  if (enabled.length > 0 && runs === 'no')
    warn(
      `a ${name} program did not run, although ${enabled.map((handler) => handler.name).join(' and ')} should run it`,
      'See whether its interpreter starts',
    )
  if (enabled.length > 0 && (name === host || (name === siblingOf(host) && runs === 'images')))
    warn(`${name} programs go to a handler, although the CPU may run them natively`)
  const seen = runs === 'cpu' ? [] : [...enabled.map(({ interpreter }) => interpreter), ...(emulator ? [emulator] : [])]
  for (const { version, fixedAddress } of seen) {
    for (const { what, remedy, source } of knownProblems({
      architecture: name,
      version,
      fixedAddress,
      kernel: release(),
      host,
    }))
      warn(`${what} (${source})`, remedy)
  }
  return warnings
}
