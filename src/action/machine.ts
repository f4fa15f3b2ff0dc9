import { readFile } from 'node:fs/promises'
import { compact } from '../compact.ts'
import { checkPrograms, missingQemu } from '../doctor/programs.ts'
import { here, type Finding } from '../doctor/finding.ts'
import { repairAll } from '../doctor/repair.ts'
import { XbuildError } from '../errors.ts'
import { exec } from '../host/exec.ts'
import { findProgram } from '../host/files.ts'
import { loadProfile } from './apparmor.ts'
import { chooseUser, CLOSING } from './as-root.ts'
import type { Env } from './inputs.ts'
import type { Log } from './log.ts'
import { annotation } from './workflow.ts'

/** The machine of the runner, ready to build. */
export interface PreparedMachine {
  /** Builds run as root, by sudo. */
  readonly root: boolean
  /** Debian packages that were not there before. */
  readonly installed: readonly string[]
  /** The Node that runs builds. */
  readonly node: string
  /** Folder of the profile that was loaded for it. */
  readonly profile?: string
}

/**
 * Makes the machine ready: says as whom builds run, and installs what is missing. Throws HOST with what to do by hand.
 */
export async function prepareMachine({
  env,
  emulates,
  rootless,
  log,
}: {
  readonly env: Env
  /** Builds are wanted as the user of the runner. */
  readonly rootless: boolean
  /** Whether programs of other CPUs may have to run. */
  readonly emulates: boolean
  readonly log: Log
}): Promise<PreparedMachine> {
  const own = process.geteuid?.() ?? 0
  const user = chooseUser({
    uid: own,
    settings: await kernelSettings(),
    sudo: own !== 0 && (await hasSudo(env)),
    rootless,
  })
  if (user.problem) throw new XbuildError('HOST', user.problem.message, { hint: user.problem.hint })
  if (user.root) log.text(`Builds run as root: ${user.why}`)
  const opened = user.profile ? await loadProfile(env) : undefined
  if (opened) log.text(`Builds run as the user of the runner, by an AppArmor profile: ${user.why}`)
  const machine = {
    root: user.root,
    node: opened?.node ?? process.execPath,
    ...compact({ profile: opened?.folder }),
  }
  const facts = { env, uid: user.root ? 0 : own }
  const missing = await missingPrograms(facts, emulates)
  if (missing.length === 0) return { ...machine, installed: [] }
  const before = await packages(env)
  log.command('::group::Install what builds need')
  log.text(missing.map(({ text }) => text).join('\n'))
  await repairAll(missing, {
    env,
    uid: own,
    signal: new AbortController().signal,
    store: undefined,
    say: (line) => log.text(line),
  })
  log.command('::endgroup::')
  for (const { state, text, fix } of await missingPrograms(facts, emulates)) {
    if (state === 'problem')
      throw new XbuildError('HOST', `Cannot build on this runner: ${text}`, fix === undefined ? {} : { hint: fix })
    log.command(annotation('warning', fix === undefined ? text : `${text}. ${fix}`, { title: 'xbuild' }))
  }
  return { ...machine, installed: [...(await packages(env))].filter((name) => !before.has(name)) }
}

/** Removes the packages that `prepareMachine` installed, and no others. */
export async function removePackages(names: readonly string[], env: Env): Promise<boolean> {
  const remove = ['apt-get', 'purge', '-y', ...names]
  const root = process.geteuid?.() === 0 ? [] : ['sudo', '--non-interactive']
  const [file, ...args] = [...root, 'env', 'DEBIAN_FRONTEND=noninteractive', ...remove]
  return (await exec(file!, args, { env })).exitCode === 0
}

async function missingPrograms(facts: { readonly env: Env; readonly uid: number }, emulates: boolean) {
  const found = (await checkPrograms(facts)).filter(({ state }) => state !== 'ok')
  const qemu = emulates ? await missingQemu(facts.env) : undefined
  return qemu === undefined ? found : [...found, qemuFinding(qemu)]
}

function qemuFinding(name: string): Finding {
  return here('qemu', 'warning', 'there is no QEMU: only steps of this CPU can run', {
    fix: `Install it: sudo apt-get install ${name}`,
    repair: { kind: 'packages', packages: [name] },
  })
}

async function kernelSettings(): Promise<Record<string, string | undefined>> {
  const names = Object.keys(CLOSING)
  const read = (name: string) => readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').catch(() => undefined)
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(name)] as const)))
}

async function hasSudo(env: Env): Promise<boolean> {
  if (!(await findProgram('sudo', env['PATH']))) return false
  return (await exec('sudo', ['--non-interactive', 'true'], { env })).exitCode === 0
}

async function packages(env: Env): Promise<ReadonlySet<string>> {
  if (!(await findProgram('dpkg-query', env['PATH']))) return new Set()
  const { stdout } = await exec('dpkg-query', ['-W', '-f=${db:Status-Status} ${Package}\n'], { env })
  return new Set(stdout.split('\n').flatMap((line) => (line.startsWith('installed ') ? [line.slice(10)] : [])))
}
