import { release } from 'node:os'
import { platformOfNodeArch } from '../platform.ts'
import { ARCHITECTURES, binfmtRegistration } from './architectures.ts'
import { type Emulator, type Environment, findEmulators } from './emulators.ts'
import { type Handler, handlerFor, readHandlers } from './handlers.ts'
import { hasPrivateBinfmt } from './namespace-errors.ts'
import type { NamespaceKind, Registration } from './namespace.ts'

/** How the processes of emulated steps are started: the arguments of `spawnInNamespace`. */
export interface Launch {
  readonly kind: NamespaceKind
  readonly handlers: readonly Registration[]
  /** GOARCH -> who runs its programs there. */
  readonly runners: Readonly<Record<string, Runner>>
}

/** An emulator that we register in the namespace, or one that the host has registered, F included. */
export type Runner =
  | { readonly via: 'private'; readonly emulator: Emulator }
  | { readonly via: 'host'; readonly handler: Handler }

export interface LaunchFacts {
  readonly uid: number
  /** As `uname -r` prints it. */
  readonly kernel: string
  /** GOARCH of this machine: its own programs never get a handler. */
  readonly native: string
  readonly emulators: readonly Emulator[]
  readonly hostHandlers: readonly Handler[]
}

/**
 * Chooses between handlers of our own and those of the host: our own where the kernel can, unless the host's run more
 * of the wanted architectures. The two cannot be mixed: a namespace with a binfmt_misc of its own does not see the
 * host's.
 */
export function chooseLaunch(facts: LaunchFacts, wanted: readonly string[]): Launch {
  const ours = hasPrivateBinfmt(facts.kernel) ? privateRunners(facts) : {}
  const theirs = hostRunners(facts)
  const covered = (runners: Readonly<Record<string, Runner>>) =>
    wanted.filter((name) => Object.hasOwn(runners, name)).length
  if (covered(theirs) > covered(ours) || Object.keys(ours).length === 0) {
    return { kind: facts.uid === 0 ? 'root-native' : 'rootless', handlers: [], runners: theirs }
  }
  const handlers = Object.entries(ours).map(([name, runner]) => registration(name, runner))
  return { kind: facts.uid === 0 ? 'root-emulate' : 'rootless', handlers, runners: ours }
}

function privateRunners({ emulators, native }: LaunchFacts): Record<string, Runner & { via: 'private' }> {
  const usable = emulators.filter((emulator) => emulator.static && emulator.architecture !== native)
  return Object.fromEntries(usable.map((emulator) => [emulator.architecture, { via: 'private', emulator }]))
}

function hostRunners({ hostHandlers, native }: LaunchFacts): Record<string, Runner & { via: 'host' }> {
  const found = ARCHITECTURES.filter(({ name }) => name !== native).flatMap((architecture) => {
    const handler = handlerFor(architecture, hostHandlers)
    return handler?.flags.includes('F') ? [[architecture.name, { via: 'host' as const, handler }] as const] : []
  })
  return Object.fromEntries(found)
}

function registration(name: string, { emulator }: Runner & { via: 'private' }): Registration {
  return binfmtRegistration(ARCHITECTURES.find((architecture) => architecture.name === name)!, emulator.path)
}

/**
 * Looks at this machine and chooses; starts nothing. `wanted` are the GOARCH names of what is to be emulated, and only
 * these get handlers: a handler for what the CPU runs by itself would take its programs away from it.
 */
export async function findLaunch(
  env: Environment,
  wanted: readonly string[],
): Promise<Launch & { readonly facts: LaunchFacts }> {
  const architectures = ARCHITECTURES.filter(({ name }) => wanted.includes(name))
  const [emulators, hostHandlers] = await Promise.all([findEmulators(env, architectures), readHandlers()])
  const native = platformOfNodeArch(process.arch).architecture
  const facts = { uid: process.geteuid?.() ?? -1, kernel: release(), native, emulators, hostHandlers }
  return { ...chooseLaunch(facts, wanted), facts }
}
