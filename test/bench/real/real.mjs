#!/usr/bin/env node
// `npm run bench:real`: real projects with default flags, from the first build on, beside our own amd64 and plain QEMU
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProgram } from '../../../examples/setup/checkout.mjs'
import { cache, root } from '../../../examples/setup/places.mjs'
import { main, run, Stop } from '../../../examples/setup/process.mjs'
import { installPrograms, neededToBuild } from '../../../examples/setup/programs.mjs'
import { realBase, SUITES } from './base.mjs'
import { PROJECTS } from './projects.mjs'
import { formatReal } from './report.mjs'

/** In this order, for one store each: an empty one first, then what the first build left. */
const WAYS = [
  { name: 'amd64 first', platform: 'linux/amd64', store: 'amd64', fresh: true },
  { name: 'amd64 later', platform: 'linux/amd64', store: 'amd64' },
  { name: 'first', platform: 'linux/arm64', store: 'arm64', fresh: true },
  { name: 'later', platform: 'linux/arm64', store: 'arm64' },
  { name: 'QEMU', platform: 'linux/arm64', store: 'arm64', args: ['--accel=off'] },
]

const HELP = `Usage: npm run bench:real -- [OPTIONS]
  --only A,B       of ${Object.entries(PROJECTS)
    .map(([name, { about }]) => `\n                     ${name.padEnd(9)} ${about}`)
    .join('')}
  --debian N,N     releases (default: 13,12)
  --ways A,B       of ${WAYS.map(({ name }) => name).join(', ')} (default: all)
  --limit SECONDS  of one build (default: 7200); one that takes longer is stopped, and the rest goes on
  --program FILE   another xbuild than the one in dist
  --work FOLDER    contexts, stores and results (default: ${join(cache, 'bench-real')})

Writes FOLDER/real.json and FOLDER/real.md after each project. Wants mmdebstrap.`

await main(async () => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string', default: Object.keys(PROJECTS).join(',') },
      debian: { type: 'string', default: '13,12' },
      ways: { type: 'string', default: WAYS.map(({ name }) => name).join(',') },
      limit: { type: 'string', default: '7200' },
      program: { type: 'string' },
      work: { type: 'string', default: join(cache, 'bench-real') },
    },
  })
  if (values.help) return console.log(HELP)
  const list = (text, known) => {
    const names = text.split(',').map((name) => name.trim())
    const unknown = names.find((name) => !known.includes(name))
    if (unknown !== undefined) throw new Stop(`There is no "${unknown}": write ${known.join(', ')}`)
    return names
  }
  const only = list(values.only, Object.keys(PROJECTS))
  const releases = list(values.debian, Object.keys(SUITES))
  const names = list(
    values.ways,
    WAYS.map(({ name }) => name),
  )
  if (!values.program) await buildProgram()
  await installPrograms(neededToBuild())
  const results = []
  for (const release of releases)
    for (const project of only) {
      const found = await measureProject(project, {
        release,
        ways: WAYS.filter(({ name }) => names.includes(name)),
        program: values.program ?? join(root, 'dist/xbuild.cjs'),
        work: values.work,
        limit: values.limit,
      }).catch((error) => ({ project, release, failed: error.message }))
      results.push(found)
      await writeFile(
        join(values.work, 'real.json'),
        `${JSON.stringify({ at: new Date().toISOString(), processors: cpus().length, results }, null, 2)}\n`,
      )
      await writeFile(join(values.work, 'real.md'), formatReal(results))
      console.log(formatReal([found]))
    }
})

async function measureProject(project, { release, ways, program, work, limit }) {
  const { about, packages, write } = PROJECTS[project]
  const folder = join(work, `${project}-${release}`)
  const context = join(folder, 'context')
  await mkdir(context, { recursive: true })
  await write(context, { release })
  const bases = {}
  for (const { platform } of ways) {
    const architecture = platform.slice('linux/'.length)
    bases[platform] ??= await realBase({ release, architecture, packages })
  }
  const out = (name) => join(folder, `out ${name}`)
  const build = async ({ name, platform, store, fresh, args = [] }, to = out(name)) => {
    const stored = join(folder, `store-${store}`)
    if (fresh) await rm(stored, { recursive: true, force: true })
    await rm(to, { recursive: true, force: true })
    const metadata = join(folder, 'metadata.json')
    await rm(metadata, { force: true })
    const load = loadavg()[0]
    const took = await time([
      ...['timeout', '--signal=INT', '--kill-after=60', limit, process.execPath, program, '--progress=plain'],
      ...(fresh ? [] : ['--no-cache']),
      ...['--store', stored, '--platform', platform, '--build-context', `base=oci-layout://${bases[platform]}`],
      ...['--metadata-file', metadata, '-o', `type=local,dest=${to}`, ...args, context],
    ])
    await writeFile(join(folder, `log ${name}`), took.said)
    const told = took.failed ? {} : JSON.parse(await readFile(metadata, 'utf8'))
    const [starts] = told['xbuild.starts'] ?? []
    console.error(
      `${project} on Debian ${release}, ${name}: ${took.failed ?? ''} ${took.seconds.toFixed(1)} s, ${took.cpu.toFixed(1)} s of CPU`,
    )
    const { said: _, ...numbers } = took
    return { ...numbers, load, ...(starts ? { starts: { ...starts, programs: starts.programs.slice(0, 15) } } : {}) }
  }
  const runs = {}
  for (const way of ways) runs[way.name] = await build(way)
  const differ = {}
  const qemu = ways.find(({ name }) => name === 'QEMU')
  if (qemu && !runs.QEMU.failed)
    for (const name of ['first', 'later']) {
      if (!runs[name] || runs[name].failed) continue
      const paths = await compare(out(name), out('QEMU'))
      // What two builds under QEMU write differently, too, depends on the time or the like
      if (paths.length > 0 && !differ.unstable) {
        runs['QEMU again'] = await build(qemu, out('QEMU again'))
        differ.unstable = runs['QEMU again'].failed ? [] : await compare(out('QEMU'), out('QEMU again'))
      }
      differ[name] = paths.filter((path) => !differ.unstable.includes(path))
    }
  return { project, release, about, runs, differ }
}

/** The lines of `diff`, without the two folders. */
async function compare(one, other) {
  const { stdout } = await run('diff', ['--recursive', '--no-dereference', '--brief', one, other])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replaceAll(one, '').replaceAll(other, ''))
}

/** Wall clock and processor time of a command line and everything that it started. */
function time(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', 'TIMEFORMAT="took %R %U %S"; time "$@"', 'bash', ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
    child.on('error', reject)
    child.on('close', (code) => {
      const [, ...numbers] = /took ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? []
      const [seconds = 0, user = 0, system = 0] = numbers.map(Number)
      const failed =
        code === 0 ? {} : { failed: code === 124 || code === 137 ? 'stopped at the limit' : `status ${code}` }
      resolve({ seconds, cpu: user + system, said, ...failed })
    })
  })
}
