import { ARCHITECTURES, type Architecture } from '../emulation/architectures.ts'
import { emulatorName } from '../emulation/emulators.ts'
import type { Runner } from '../emulation/launch.ts'
import { siblingOf } from '../emulation/native.ts'
import { whyMissing } from '../emulation/why-missing.ts'
import { toXbuildError } from '../errors.ts'
import { formatPlatform, type Platform } from '../platform.ts'
import { here, type Finding } from './finding.ts'
import type { Machine } from './machine.ts'
import { missingQemu } from './programs.ts'
import type { Runtime } from '../engine/runtime.ts'

/** What most images are built for. */
const USUAL = ['amd64', 'arm64']

/**
 * Whether an OCI runtime works, and which programs run in its sandbox: a program of each architecture is run there, as
 * a step of a build would be. `wanted` must run; without any, of the usual ones it is told that they do not.
 */
export async function checkSandbox(machine: Machine, wanted: readonly Platform[]): Promise<Finding[]> {
  let runtime: Runtime
  try {
    runtime = await machine.runtime()
  } catch (error) {
    machine.signal.throwIfAborted()
    const { message, hint, facts, output = [] } = toXbuildError(error)
    const packages = facts.missing === 'runtime' ? { repair: { kind: 'packages', packages: ['runc'] } as const } : {}
    return [
      here('runtime', 'problem', [message, ...output].join(': '), { ...(hint ? { fix: hint } : {}), ...packages }),
    ]
  }
  const works = runtime.seccomp
    ? here('runtime', 'ok', `${runtime.path} runs containers, with a seccomp profile`)
    : here('runtime', 'warning', `${runtime.path} does not support seccomp profiles: steps run without one`, {
        fix: 'Install a runtime that has seccomp, such as runc: sudo apt-get install runc',
      })
  return [works, ...(await checkPrograms(machine, runtime, wanted))]
}

async function checkPrograms(machine: Machine, runtime: Runtime, wanted: readonly Platform[]): Promise<Finding[]> {
  const foreign = ARCHITECTURES.filter(({ name }) => name !== machine.own)
  const { runners, facts } = await machine.launch()
  const found = await Promise.all(
    foreign.map(async (architecture): Promise<Finding | undefined> => {
      const { name } = architecture
      const platform = wanted.find((one) => one.os === 'linux' && one.architecture === name)
      const shown = platform ? formatPlatform(platform) : `linux/${name}`
      if (name === siblingOf(machine.own) && (await run(machine, runtime, architecture, 'native')) === undefined)
        return here(shown, 'ok', 'the CPU runs such programs natively')
      const runner = runners[name]
      if (!runner) {
        if (!platform && !USUAL.includes(name)) return undefined
        const { reason, hint } = whyMissing(architecture, facts)
        return here(
          shown,
          platform ? 'problem' : 'warning',
          `such programs cannot run: ${reason}`,
          await remedy(machine, hint),
        )
      }
      const failure = await run(machine, runtime, architecture, 'emulated')
      if (failure === undefined)
        return here(shown, 'ok', `a program ran in the sandbox under ${await nameOf(runner, machine)}`)
      return here(shown, 'problem', `a program did not run in the sandbox under ${pathOf(runner)}: ${failure}`, {
        fix: `Check that it starts: ${pathOf(runner)} --version; or install another QEMU`,
      })
    }),
  )
  return [
    ...found.filter((finding) => finding !== undefined),
    ...wanted.flatMap((platform) =>
      isKnown(platform)
        ? []
        : [
            here(formatPlatform(platform), 'problem', 'there is no emulator for such programs', {
              fix: 'Add a node that runs them: xbuild node add',
            }),
          ],
    ),
  ]
}

/** Nothing, or why it did not run. */
async function run(
  { workers, signal }: Machine,
  { path }: Runtime,
  { name }: Architecture,
  how: 'native' | 'emulated',
): Promise<string | undefined> {
  try {
    const worker = await (how === 'native' ? workers.native() : workers.emulating(name))
    return (await worker.call('probeRuntime', { runtime: path, architecture: name }, { signal })).failure
  } catch (error) {
    signal.throwIfAborted()
    return toXbuildError(error).message
  }
}

async function remedy({ env }: Machine, hint: string): Promise<Pick<Finding, 'fix' | 'repair'>> {
  const name = await missingQemu(env)
  return name === undefined
    ? { fix: hint }
    : { fix: `Install QEMU: sudo apt-get install ${name}`, repair: { kind: 'packages', packages: [name] } }
}

function nameOf(runner: Runner, { signal }: Machine): string | Promise<string> {
  return runner.via === 'private'
    ? emulatorName(runner.emulator, { signal })
    : `${runner.handler.interpreter}, the machine's handler ${runner.handler.name}`
}

function pathOf(runner: Runner): string {
  return runner.via === 'private' ? runner.emulator.path : runner.handler.interpreter
}

function isKnown({ os, architecture }: Platform): boolean {
  return os === 'linux' && ARCHITECTURES.some(({ name }) => name === architecture)
}
