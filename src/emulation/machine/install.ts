import { release } from 'node:os'
import { XbuildError } from '../../errors.ts'
import { platformOfNodeArch } from '../../platform.ts'
import { ARCHITECTURES, type Architecture, binfmtRegistration, handlerName } from '../architectures.ts'
import { type Emulator, type Environment, emulatorVersion, findEmulators } from '../emulators.ts'
import { type Handler, handlersFor, readHandlers } from '../handlers.ts'
import { siblingOf } from '../native.ts'
import { INSTALL_HINT } from '../why-missing.ts'
import { openBinfmt, register, unregister } from './binfmt.ts'
import { bootFile, isReadAtBoot, keepForBoot } from './boot-files.ts'
import { describeInterpreter } from './describe.ts'
import { machineFlags } from './flags.ts'
import { knownProblems } from './known-bad.ts'
import { testPrograms } from './test-programs.ts'

export interface InstallRequest {
  /** GOARCH; none: every architecture that there is an emulator for. */
  readonly architectures: readonly string[]
  /** Register ours although others have a handler. */
  readonly force: boolean
  /** Let set-user-id programs keep their rights. */
  readonly credentials: boolean
  /** Put the handler that starts native twins before QEMU, where it can be. */
  readonly packs: boolean
}

/** Emulators with the handler before them lie there as long as they are registered. */
const MACHINE_PACKS = '/var/lib/xbuild/packs'

export interface InstallEdges {
  readonly env: Environment
  readonly signal: AbortSignal
  /** Told what was done, and what was which stays and why. */
  readonly say: (line: string) => void
}

/** Registers QEMU for the whole machine, now and at every boot. Throws HOST; what was registered before that stays. */
export async function installHandlers(request: InstallRequest, edges: InstallEdges): Promise<void> {
  assertRoot(
    'register handlers for the whole machine',
    'Run it with sudo; your own builds need no handlers on Linux 6.7 or later: xbuild registers its own for each',
  )
  const chosen = await chooseEmulators(request, edges)
  if (await openBinfmt()) edges.say('Mounted binfmt_misc')
  const ours: Chosen[] = []
  for (const plain of chosen) {
    const one = request.packs ? await withHandler(plain, edges) : plain
    if (await installOne(one, request, edges)) ours.push(one)
  }
  for (const line of await warningsOf(ours, edges.signal)) edges.say(`warning: ${line}`)
  if (ours.length > 0 && !(await isReadAtBoot()))
    edges.say(
      `Nothing on this machine reads ${bootFile(ours[0]!.architecture)} at boot: run xbuild qemu install again after a reboot`,
    )
}

/** Throws HOST for an ordinary user. */
export function assertRoot(action: string, hint: string): void {
  if (process.geteuid?.() !== 0) throw new XbuildError('HOST', `Cannot ${action}: root is required`, { hint })
}

interface Chosen {
  readonly architecture: Architecture
  readonly emulator: Emulator
}

/**
 * The same emulator with the handler before it; as it is for an architecture that no packs are made for. Throws HOST.
 */
async function withHandler({ architecture, emulator }: Chosen, { signal, say }: InstallEdges): Promise<Chosen> {
  const [{ fusedEmulator }, { PACK_TARGETS }] = await Promise.all([
    import('../packs/fused-emulator.ts'),
    import('../packs/targets.ts'),
  ])
  if (PACK_TARGETS[architecture.name] === undefined) {
    say(`${architecture.name}: there are no packs for its programs`)
    return { architecture, emulator }
  }
  return {
    architecture,
    emulator: { ...emulator, path: await fusedEmulator(emulator, { folder: MACHINE_PACKS, signal }) },
  }
}

async function chooseEmulators(
  { architectures }: InstallRequest,
  { env, signal, say }: InstallEdges,
): Promise<Chosen[]> {
  const named = ARCHITECTURES.filter(({ name }) => architectures.includes(name))
  const own = platformOfNodeArch(process.arch).architecture
  const candidates = named.length > 0 ? named : ARCHITECTURES.filter(({ name }) => name !== own)
  const byCpu = await runByCpu(candidates, own, signal)
  const wanted = candidates.filter((architecture) => !byCpu.includes(architecture))
  if (named.length > 0) for (const { name } of byCpu) say(`${name}: the CPU of this machine runs such programs`)
  const emulators = await findEmulators(env, wanted)
  const chosen = wanted.flatMap((architecture): Chosen[] => {
    const emulator = emulators.find((one) => one.architecture === architecture.name)
    if (emulator?.static) return [{ architecture, emulator }]
    if (named.length === 0) return []
    const state = emulator
      ? `${emulator.path} is dynamically linked, so it cannot run inside an image`
      : `neither ${architecture.qemu}-static nor ${architecture.qemu} is on PATH`
    throw new XbuildError('HOST', `Cannot register a handler for ${architecture.name}: ${state}`, {
      hint: INSTALL_HINT,
    })
  })
  if (chosen.length === 0 && byCpu.length < candidates.length) {
    throw new XbuildError('HOST', 'Cannot register handlers: there is no statically linked QEMU on PATH', {
      hint: `${INSTALL_HINT} (Debian 13, Ubuntu 25.04 and later: qemu-user)`,
    })
  }
  return chosen
}

/** This machine's own architecture, and its 32-bit sibling when a program of it runs without a handler. */
async function runByCpu(
  candidates: readonly Architecture[],
  own: string,
  signal: AbortSignal,
): Promise<Architecture[]> {
  const sibling = candidates.filter(({ name }) => name === siblingOf(own))
  const handlers = sibling.length > 0 ? await readHandlers() : []
  const open = sibling.filter((architecture) => handlersFor(architecture, handlers).every(({ enabled }) => !enabled))
  const tested = open.length > 0 ? await testPrograms(open, { signal }) : []
  return [...candidates.filter(({ name }) => name === own), ...open.filter((_, index) => tested[index]?.here)]
}

/** Says whether ours is registered afterwards. */
async function installOne(
  { architecture, emulator }: Chosen,
  { force, credentials }: InstallRequest,
  { signal, say }: InstallEdges,
): Promise<boolean> {
  const name = handlerName(architecture)
  const handlers = handlersFor(architecture, await readHandlers())
  const ours = handlers.find((handler) => handler.name === name)
  const theirs = handlers.find((handler) => handler.name !== name && handler.enabled)
  if (theirs && !force && !ours) {
    const works = theirs.flags.includes('F')
    say(
      `${architecture.name}: ${theirs.name} runs such programs already (${theirs.interpreter}, flags ${theirs.flags || 'none'})${works ? ', which stays' : '; it lacks the flag F: --force registers a handler of xbuild before it'}`,
    )
    return false
  }
  const version = await emulatorVersion(emulator.path, { signal })
  const flags = machineFlags({ kernel: release(), version, credentials })
  const registration = binfmtRegistration(architecture, emulator.path, flags)
  const shown = `${emulator.path}${version === undefined ? '' : ` ${version}`}, flags ${flags}`
  if (ours && isSame(ours, emulator.path, flags)) {
    const kept = await keepForBoot(architecture, registration)
    say(
      `${architecture.name}: ${name} is registered already (${shown})${kept ? `, from now on at boot too: ${bootFile(architecture)}` : ''}`,
    )
    return true
  }
  if (ours) await unregister(name)
  await register(name, registration)
  const [tested] = await testPrograms([architecture], { signal })
  if (!tested?.here || tested.inImages === false) {
    await unregister(name)
    throw new XbuildError(
      'HOST',
      `Cannot use ${emulator.path} for ${architecture.name} programs: a test program did not run under it${tested?.here ? ' in another root folder' : ''}`,
      {
        hint: `Check that it starts: ${emulator.path} --version`,
      },
    )
  }
  await keepForBoot(architecture, registration)
  say(
    `${architecture.name}: registered ${name} (${shown})${theirs ? `, before ${theirs.name}` : ''}; a test program ran. At boot: ${bootFile(architecture)}`,
  )
  return true
}

/** What is known to go wrong with these emulators here; each thing once. */
async function warningsOf(chosen: readonly Chosen[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  const host = platformOfNodeArch(process.arch).architecture
  const lists = await Promise.all(
    chosen.map(async ({ architecture, emulator }) => {
      const { version, fixedAddress } = await describeInterpreter(emulator.path, { signal })
      return knownProblems({ architecture: architecture.name, version, fixedAddress, kernel: release(), host })
    }),
  )
  return new Set(lists.flat().map(({ what, remedy, source }) => `${what} (${source}). ${remedy}`))
}

/** Whether the kernel has it as it would be registered now. */
function isSame({ enabled, interpreter, flags }: Handler, path: string, wanted: string): boolean {
  return enabled && interpreter === path && [...flags].sort().join('') === [...wanted].sort().join('')
}
