#!/usr/bin/env node
// `npm run bench`: xbuild beside its peers, in one run, taking turns. See README.md here.
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeBase } from '../../examples/base/make-base.mjs'
import { buildProgram, installDependencies } from '../../examples/setup/checkout.mjs'
import { cache } from '../../examples/setup/places.mjs'
import { main, Stop } from '../../examples/setup/process.mjs'
import { installPrograms, neededToBuild } from '../../examples/setup/programs.mjs'
import { measure, peakMemory, secondsUntil } from './measure.mjs'
import { findPeers } from './peers.mjs'
import { startRegistry } from './registry.mjs'
import { formatMemory, formatPlanned, formatTable, median } from './report.mjs'
import { WORKLOADS } from './workloads.mjs'

const OPTIONS = {
  workloads: { type: 'string', default: Object.keys(WORKLOADS).join(',') },
  peers: { type: 'string' },
  before: { type: 'string' },
  runs: { type: 'string' },
  platform: { type: 'string', default: 'linux/amd64,linux/arm64' },
  work: { type: 'string', default: join(cache, 'bench') },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
}

const HELP = `Usage: npm run bench -- [OPTIONS]
  --workloads A,B    of ${Object.entries(WORKLOADS)
    .map(([name, { title }]) => `\n                       ${name.padEnd(11)} ${title}`)
    .join('')}
  --peers A,B        only these of xbuild, before, xbuild-host, buildx, buildah, node (default: all that are there)
  --before FOLDER    another checkout of xbuild, built: how much slower than it is this one?
  --runs N           runs of each (default: of the workload; at least 15 of short ones beside --before)
  --platform LIST    (default: ${OPTIONS.platform.default})
  --work FOLDER      contexts, stores and results (default: ${OPTIONS.work.default})
  --json FILE        where the numbers go (default: FOLDER/results.json)
XBUILD_BENCH_BUILDX: the command of docker buildx, when it is not on PATH; XBUILD_BENCH_NODE: the daemon it builds on, as xbuild reaches it.`

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => process.exit(status))

await main(async () => {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help) return console.log(HELP)
  await installDependencies()
  await buildProgram()
  await installPrograms([
    ...neededToBuild(),
    { programs: ['docker-registry'], package: 'docker-registry', why: 'serves the base image' },
    { programs: ['skopeo'], package: 'skopeo', why: 'pushes the base image' },
  ])
  await mkdir(values.work, { recursive: true })
  const names = values.workloads.split(',')
  for (const name of names) if (!WORKLOADS[name]) throw new Stop(`There is no workload "${name}".\n${HELP}`)
  const peers = await findPeers({
    work: values.work,
    platform: values.platform,
    only: values.peers?.split(','),
    before: values.before,
  })
  const registry = await startRegistry(values.work, await makeBase('busybox'))
  try {
    const setting = { work: values.work, base: registry.base, platform: values.platform }
    const results = []
    for (const name of names)
      results.push(...(await runWorkload(name, peers, { setting, runs: Number(values.runs ?? 0) })))
    const planned = await plannedOf(names, peers, setting)
    const memory = await memoryOf(names, peers, setting)
    console.log(`\n${formatTable(results)}\n${formatPlanned(planned)}\n${formatMemory(memory)}`)
    const file = values.json ?? join(values.work, 'results.json')
    const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, kernel: release(), node: process.version }
    const versions = Object.fromEntries(peers.map((peer) => [peer.name, peer.version]))
    await writeFile(
      file,
      `${JSON.stringify({ at: new Date().toISOString(), machine, versions, platform: values.platform, results, planned, memory }, null, 2)}\n`,
    )
    console.log(`Numbers: ${file}`)
  } finally {
    await registry.stop()
  }
})

/** Peers take turns, so that a busy minute of the machine hits all of them. */
async function runWorkload(name, peers, { setting, runs }) {
  const workload = WORKLOADS[name]
  const context = await workload.prepare?.(setting)
  const racing = peers.filter((peer) => workload.command(peer, { context, run: 0 }))
  const seconds = new Map(racing.map((peer) => [peer.name, []]))
  const cpu = new Map(racing.map((peer) => [peer.name, []]))
  const last =
    runs || (workload.beside && racing.some(({ name }) => name === 'before') ? workload.beside : workload.runs)
  const failures = new Map()
  // The first round fills caches; it counts only where every run is cold
  const first = workload.cold ? 1 : 0
  for (let run = first; run <= last; run++) {
    // Who comes first is another one each time: what one leaves to the next costs all the same
    for (const peer of run % 2 ? racing : racing.toReversed()) {
      if (failures.has(peer.name)) continue
      const folder = (await workload.before?.(peer, { context, run })) ?? context
      peer.clear?.() // everyone writes a whole new result, as a CI job does
      const took = await measure(workload.command(peer, { context: folder, run }))
      if (took.failed) failures.set(peer.name, took.failed)
      else if (run > 0) {
        seconds.get(peer.name).push(took.seconds)
        cpu.get(peer.name).push(took.cpu)
      }
      console.error(
        `${name} ${peer.name} ${run === 0 ? 'first' : run}: ${took.failed ?? `${took.seconds.toFixed(2)} s, CPU ${took.cpu.toFixed(2)} s`}`,
      )
    }
  }
  const own = median(seconds.get('xbuild') ?? [])
  const ownCpu = median(cpu.get('xbuild') ?? [])
  return racing.map((peer) => {
    const runs = seconds.get(peer.name)
    return {
      workload: name,
      peer: peer.name,
      runs,
      median: median(runs),
      ratio: own / median(runs),
      cpu: median(cpu.get(peer.name)),
      cpuRatio: ownCpu / median(cpu.get(peer.name)),
      failed: failures.get(peer.name),
      aim: peer.name === 'before' ? { slower: 1.03 } : workload.aim?.(peer.name),
    }
  })
}

/** Seconds from the start of xbuild until the first job starts: the middle of three runs. */
async function plannedOf(names, peers, setting) {
  const xbuild = peers.find((peer) => peer.name === 'xbuild')
  const found = {}
  for (const name of names) {
    const { planned, prepare, command } = WORKLOADS[name]
    if (!xbuild || !planned) continue
    const context = await prepare(setting)
    const seconds = []
    for (let run = 0; run < 3; run++) seconds.push(await secondsUntil(command(xbuild, { context }), planned.text))
    found[name] = { seconds: median(seconds), aim: planned.seconds }
  }
  return found
}

/** In runs of their own, which are not timed: looking costs time. */
async function memoryOf(names, peers, setting) {
  const xbuild = peers.find((peer) => peer.name === 'xbuild')
  const found = {}
  for (const name of names) {
    const workload = WORKLOADS[name]
    if (!xbuild || !workload.prepare) continue
    const context = await workload.prepare(setting)
    const folder = (await workload.before?.(xbuild, { context, run: -1 })) ?? context
    found[name] = await peakMemory(workload.command(xbuild, { context: folder, run: -1 }))
    console.error(`${name} xbuild memory: ${found[name].main} MB`)
  }
  return found
}
