import { setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { DoctorOptions } from '../config/doctor-flags.ts'
import { examineMachine } from '../doctor/examine.ts'
import { here, type Finding } from '../doctor/finding.ts'
import { openMachine } from '../doctor/machine.ts'
import { judgeNode } from '../doctor/nodes.ts'
import { checkRegistries, registriesOf, registryOf } from '../doctor/registries.ts'
import { repairAll } from '../doctor/repair.ts'
import { toXbuildError, XbuildError } from '../errors.ts'
import { loadDrivers } from '../nodes/load-drivers.ts'
import { reportNode } from '../nodes/report.ts'
import { knownNodes, selectNodes } from '../nodes/select.ts'
import { platformOfNodeArch } from '../platform.ts'
import { defaultStoreRoot } from '../store/folder.ts'
import { openStore, type Store } from '../store/store.ts'
import { findingsJson, formatFindings } from '../ui/doctor.ts'
import { wantsColor } from '../ui/text.ts'
import { print } from './print.ts'
import type { Terminal } from './terminal.ts'
import { withSignals } from './signals.ts'

/** `xbuild doctor`: findings on stdout, what is mended on stderr. Exit code 1 while a problem is left. */
export async function runDoctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const named = options.words.map(readRegistry)
  const findings = await withSignals(terminal, {
    onStop: () => stderr.write('Stopping\n'),
    work: async (signal) => {
      setMaxListeners(0, signal) // many things wait at a time
      const first = await examine(options, { named, env, signal })
      if (!options.fix || !first.findings.some(({ state, repair }) => state !== 'ok' && repair)) return first.findings
      await repairAll(first.findings, {
        env,
        uid: process.geteuid?.() ?? 0,
        signal,
        store: first.store,
        say: (line) => void stderr.write(`${line}\n`),
      })
      return (await examine(options, { named, env, signal })).findings
    },
  })
  await print(
    stdout,
    options.json ? findingsJson(findings) : formatFindings(findings, { color: wantsColor(stdout.isTTY, env) }),
  )
  return findings.some(({ state }) => state === 'problem') ? 1 : 0
}

interface Edges {
  readonly named: readonly string[]
  readonly env: Terminal['env']
  readonly signal: AbortSignal
}

async function examine(
  options: DoctorOptions,
  edges: Edges,
): Promise<{ readonly findings: readonly Finding[]; readonly store: Store | undefined }> {
  const { env, signal } = edges
  const uid = process.geteuid?.() ?? 0
  const limit = options.timeout / 1000
  const asking = askRegistries(options, edges, limit)
  asking.catch(() => undefined) // awaited below
  let store: Store
  try {
    store = await openStore(
      options.store === undefined ? defaultStoreRoot(env, uid) : resolve(options.cwd, options.store),
    )
  } catch (error) {
    const { message, hint } = toXbuildError(error)
    return {
      findings: [here('store', 'problem', message, hint ? { fix: hint } : {}), ...(await asking)],
      store: undefined,
    }
  }
  // Programs that are tried on this machine would slow down what others are asked
  const nodes = await askNodes(options, { env, signal, store, limit })
  const machine = openMachine({ env, store, signal })
  try {
    return { findings: [...(await examineMachine(machine, options.platforms)), ...(await asking), ...nodes], store }
  } finally {
    await machine.close()
  }
}

async function askRegistries(
  { registries, cwd }: DoctorOptions,
  { named, env, signal }: Edges,
  limit: number,
): Promise<Finding[]> {
  const dockerfile = await readFile(join(cwd, 'Dockerfile'), 'utf8').catch(() => '')
  const hosts =
    named.length > 0
      ? named
      : [...Object.keys(registries), ...registriesOf(dockerfile, platformOfNodeArch(process.arch))]
  return checkRegistries(hosts, { registries, env, signal, limit })
}

async function askNodes(
  { configured, platforms }: DoctorOptions,
  { env, signal, store, limit }: { env: Terminal['env']; signal: AbortSignal; store: Store; limit: number },
): Promise<Finding[]> {
  const others = (await knownNodes({ configured, env })).filter(({ endpoint }) => endpoint.kind !== 'local')
  if (others.length === 0) return []
  const used = await selectNodes({ named: [], configured, env })
  await loadDrivers()
  const reports = await Promise.all(
    others.map((definition) =>
      reportNode(
        definition,
        used.some(({ name }) => name === definition.name),
        { env, store, signal, limit },
      ),
    ),
  )
  return reports.flatMap((report) => judgeNode(report, platforms))
}

function readRegistry(word: string): string {
  try {
    return registryOf(word)
  } catch (cause) {
    throw new XbuildError('BAD_OPTION', `Cannot check registry "${word}": it is not the name of a registry`, {
      cause,
      hint: 'Write it like ghcr.io or localhost:5000, or give the name of an image in it',
    })
  }
}
