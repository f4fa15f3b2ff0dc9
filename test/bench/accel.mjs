#!/usr/bin/env node
// `npm run bench:accel`: unmodified Dockerfiles for amd64, for arm64 or another platform with native toolchains, and
// for that under plain QEMU, and what the handler
// costs programs that have no twin. `node test/bench/accel.mjs --only=lua,go,apt,cost --runs=3`
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProgram } from '../../examples/setup/checkout.mjs'
import { cache, root } from '../../examples/setup/places.mjs'
import { main, run, Stop } from '../../examples/setup/process.mjs'
import { installPrograms, neededToBuild } from '../../examples/setup/programs.mjs'
import { toolchainBase } from '../support/toolchain-base.mjs'
import { PROJECTS } from './accel-projects.mjs'
import { median } from './report.mjs'

/**
 * What we want to reach: beside our own amd64 build, beside plain QEMU in the same run, and for programs without a
 * twin.
 */
const AIM = { native: 1.6, qemu: 6, cost: 0.03 }

/** Platforms, with Debian's names of them. */
const PLATFORMS = {
  'linux/arm64': 'arm64',
  'linux/arm/v7': 'armhf',
  'linux/riscv64': 'riscv64',
  'linux/ppc64le': 'ppc64el',
  'linux/s390x': 's390x',
}

const HELP = `Usage: npm run bench:accel -- [OPTIONS]
  --only A,B       of ${Object.entries(PROJECTS)
    .map(([name, { about }]) => `\n                     ${name.padEnd(6)} ${about}`)
    .join('')}
                     cost   what the handler costs programs without a twin
  --platform P     instead of linux/arm64: ${Object.keys(PLATFORMS)
    .filter((name) => name !== 'linux/arm64')
    .join(', ')}
  --runs N         runs of each (default: 3)
  --program FILE   another xbuild than the one in dist
  --work FOLDER    contexts, store and results (default: ${join(cache, 'bench')})
  --json FILE      where the numbers go (default: FOLDER/accel.json)`

const waysOf = (platform) => [
  { name: 'amd64', debian: 'amd64', args: ['--platform', 'linux/amd64'] },
  {
    name: platform.replace(/^linux\//, ''),
    debian: PLATFORMS[platform],
    args: ['--platform', platform, '--accel=require'],
  },
  { name: 'plain QEMU', debian: PLATFORMS[platform], args: ['--platform', platform, '--accel=off'] },
]

/** Programs that are started one after the other, and how often the two ways take turns in one round. */
const STARTS = 300
const TURNS = 6

await main(async () => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      json: { type: 'string' },
      platform: { type: 'string', default: 'linux/arm64' },
      runs: { type: 'string', default: '3' },
      only: { type: 'string', default: 'lua,go,apt,cost' },
      program: { type: 'string' },
      work: { type: 'string', default: join(cache, 'bench') },
    },
  })
  if (values.help) return console.log(HELP)
  const unknown = values.only.split(',').find((name) => name !== 'cost' && !PROJECTS[name])
  if (unknown !== undefined)
    throw new Stop(`There is no "${unknown}": write ${[...Object.keys(PROJECTS), 'cost'].join(', ')}`)
  if (!PLATFORMS[values.platform])
    throw new Stop(`There is no "${values.platform}": write ${Object.keys(PLATFORMS).join(', ')}`)
  if (!values.program) await buildProgram()
  await installPrograms(neededToBuild())
  const program = [
    process.execPath,
    values.program ?? join(root, 'dist/xbuild.cjs'),
    '--progress=plain',
    '--no-cache',
    '--store',
    join(values.work, 'store-accel'),
  ]
  const results = {}
  for (const name of values.only.split(',')) {
    const context = join(values.work, `context-accel-${name}`)
    await mkdir(context, { recursive: true })
    results[name] =
      name === 'cost'
        ? await measureCost({ program, context, platform: values.platform })
        : await measureProject(PROJECTS[name], {
            program,
            context,
            runs: Number(values.runs),
            ways: waysOf(values.platform),
          })
  }
  const file = values.json ?? join(values.work, 'accel.json')
  await writeFile(
    file,
    `${JSON.stringify({ at: new Date().toISOString(), platform: values.platform, aim: AIM, results }, null, 2)}\n`,
  )
  console.log(`Numbers: ${file}`)
})

async function measureProject({ about, base, write }, { program, context, runs, ways }) {
  await write(context)
  for (const way of ways)
    way.args.push('--build-context', `${base}=oci-layout://${await toolchainBase(base, [way.debian])}`)
  const out = (way) => `${context}-out-${ways.indexOf(way)}`
  const found = new Map(ways.map(({ name }) => [name, []]))
  console.log(`${about}:`)
  // The first round unpacks the base images and makes the packs: it does not count
  for (let round = 0; round <= runs; round++) {
    for (const way of ways) {
      if (round === 0 && way.name === 'plain QEMU') continue
      const took = await time([...program, '-o', `type=local,dest=${out(way)}`, ...way.args, context])
      if (round > 0) found.get(way.name).push(took)
      console.error(
        `${way.name} ${round === 0 ? 'first' : round}: ${took.seconds.toFixed(1)} s, ${took.cpu.toFixed(1)} s of CPU`,
      )
    }
  }
  const ratios = {}
  for (const kind of ['seconds', 'cpu']) {
    const took = ways.map(({ name }) => found.get(name).map((one) => one[kind]))
    const [native, packs, qemu] = took.map(median)
    // Of one round each, for the speed of a machine changes from minute to minute
    const ratio = (one, other) => median(one.map((value, round) => value / other[round]))
    const [toNative, toQemu] = [ratio(took[1], took[0]), ratio(took[2], took[1])]
    ratios[kind] = { native, packs, qemu, toNative, toQemu }
    console.log(
      `  ${kind === 'cpu' ? 'CPU seconds' : 'Seconds    '}  amd64 ${native.toFixed(1)}  ${ways[1].name} ${packs.toFixed(1)}  plain QEMU ${qemu.toFixed(1)}: ${toNative.toFixed(2)} x amd64 (aim ${AIM.native}), ${toQemu.toFixed(1)} x faster than QEMU (aim ${AIM.qemu})`,
    )
  }
  const { code, stdout } = await run('diff', ['--recursive', '--no-dereference', '--brief', out(ways[1]), out(ways[2])])
  console.log(
    code === 0
      ? `  The ${ways[1].name} results are the same bytes`
      : `  The ${ways[1].name} results DIFFER:\n${stdout}`,
  )
  return { ...ratios, same: code === 0 }
}

/**
 * Starts of a small program: CPU time of all of them, as the shell that started them tells it; one way after the
 * other, in turns.
 */
async function measureCost({ program, context, platform }) {
  await writeFile(
    join(context, 'Dockerfile'),
    `FROM toolchain\nARG TURN\nRUN i=0; while [ $i -lt ${STARTS} ]; do /bin/true; i=$((i+1)); done; times\n`,
  )
  const given = [
    '--build-context',
    `toolchain=oci-layout://${await toolchainBase('toolchain', [PLATFORMS[platform]])}`,
    '-o',
    'type=cacheonly',
  ]
  const cost = { auto: [], off: [] }
  for (let turn = 0; turn < 2 * TURNS; turn++) {
    // On, off, off, on: what changes slowly on the machine meets both
    const way = turn % 4 === 0 || turn % 4 === 3 ? 'auto' : 'off'
    const { said } = await time([
      ...program,
      ...given,
      '--platform',
      platform,
      `--accel=${way}`,
      '--build-arg',
      `TURN=${turn}`,
      context,
    ])
    const words = [...said.matchAll(/(\d+)m([\d.]+)s (\d+)m([\d.]+)s/g)].map(([, ...parts]) => parts.map(Number))
    if (words.length < 2) throw new Stop(`The shell did not say how long it took:\n${said.slice(-2000)}`)
    const [minutes, seconds, more, rest] = words.at(-1)
    cost[way].push((((minutes + more) * 60 + seconds + rest) / STARTS) * 1000)
  }
  const pairs = cost.auto.map((one, i) => one / cost.off[i] - 1)
  console.log(
    `Programs without a twin: ${median(cost.off).toFixed(2)} ms of CPU per start under plain QEMU, ${median(cost.auto).toFixed(2)} ms with the handler: ${(median(pairs) * 100).toFixed(1)} % more (aim under ${AIM.cost * 100} %)`,
  )
  return { milliseconds: cost, more: median(pairs) }
}

/** Wall clock and processor time of a command line and everything that it started, and what it said. */
function time(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', 'TIMEFORMAT="took %R %U %S"; time "$@"', 'bash', ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
    child.on('error', reject)
    child.on('close', (code) => {
      const [, real, user, system] = /took ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? []
      if (code === 0 && real) resolve({ seconds: Number(real), cpu: Number(user) + Number(system), said })
      else reject(new Stop(`${argv.join(' ')} failed:\n${said.slice(-2000)}`))
    })
  })
}
