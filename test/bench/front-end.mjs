#!/usr/bin/env node
// `node test/bench/front-end.mjs`: CPU time of the pure part of a build: parsing, stage graphs, plan, checks.
import { build } from 'esbuild'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const LINES = 10_000
const STAGES = 200
const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64']
const RUNS = 15

const { parseDockerfile, buildStageGraph, planBuild, parsePlatform, viewOf, checkDockerfile } = await load()

const long = longDockerfile(LINES)
const platforms = PLATFORMS.map((text) => parsePlatform(text))
const [own] = platforms
const node = {
  name: 'local',
  endpoint: 'local',
  driver: 'embedded',
  native: [own],
  slots: 8,
  emulated: platforms.slice(1).map((platform) => ({ platform, status: 'ready', emulator: 'qemu' })),
}
const options = { buildPlatform: own, buildArgs: {}, namedContexts: [] }
const { dockerfile } = parseDockerfile(manyStages(STAGES), { file: 'Dockerfile' })
const parsed = parseDockerfile(long, { file: 'Dockerfile' }).dockerfile

const graphsOf = (file) => platforms.map((target) => buildStageGraph(file, { ...options, target }).graph)
report(`parse ${LINES} lines`, () => parseDockerfile(long, { file: 'Dockerfile' }))
report(`stage graphs and plan, ${platforms.length} platforms x ${STAGES} stages`, () =>
  planBuild({ dockerfile: 'Dockerfile', buildPlatform: own, graphs: graphsOf(dockerfile), nodes: [node] }),
)
report(`evaluate and check ${LINES} lines for ${platforms.length} platforms`, () =>
  checkDockerfile(
    { dockerfile: parsed, views: graphsOf(parsed).map((graph) => viewOf(graph, () => undefined)) },
    { buildArgs: {} },
  ),
)

/** Prints the first run (as a build has it), the best and the median, in milliseconds of this process's CPU. */
function report(what, work) {
  const times = Array.from({ length: RUNS }, () => {
    const start = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000
  })
  const sorted = times.toSorted((a, b) => a - b)
  const ms = (time) => `${time.toFixed(1)} ms`.padStart(9)
  console.log(`${what.padEnd(56)} first ${ms(times[0])}   best ${ms(sorted[0])}   median ${ms(sorted[RUNS >> 1])}`)
}

async function load() {
  const folder = await mkdtemp(join(tmpdir(), 'xbuild-bench-'))
  try {
    const outfile = join(folder, 'front-end.mjs')
    const names = [
      'dockerfile/parse',
      'dockerfile/graph',
      'plan/plan',
      'platform',
      'dockerfile/checks/view',
      'dockerfile/checks/check',
    ]
    const contents = names.map((name) => `export * from './${name}.ts'`).join('\n')
    const resolveDir = join(import.meta.dirname, '../../src')
    await build({
      stdin: { contents, resolveDir },
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile,
      logLevel: 'warning',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function longDockerfile(lines) {
  const body = [
    'RUN apt-get update && apt-get install -y \\',
    '      curl ca-certificates \\',
    '      git',
    'ENV A=b C="d e"',
    'COPY --from=base --chown=1:1 a b /c/',
    '# a comment',
    'RUN --mount=type=cache,target=/x make -j$(nproc)',
    'WORKDIR /src/$V',
    'LABEL a=b',
    'ARG X=$V',
    'RUN <<EOF',
    'echo hello',
    'EOF',
  ]
  const head = ['# syntax=docker/dockerfile:1', 'ARG V=1', 'FROM debian:12 AS base', 'FROM base']
  return `${[...head, ...Array.from({ length: lines - head.length }, (_, i) => body[i % body.length])].join('\n')}\n`
}

function manyStages(count) {
  const stages = Array.from({ length: count }, (_, i) => [
    `FROM ${i % 4 === 0 ? '--platform=$BUILDPLATFORM ' : ''}${i < 4 ? 'debian:12' : `s${i - 4}`} AS s${i}`,
    ...Array.from({ length: 8 }, (_, k) => `RUN echo ${i} ${k}\nENV A${k}=b`),
    'ARG TARGETARCH',
    ...(i > 0 ? [`COPY --from=s${i - 1} /a /b`] : []),
  ])
  return `${['ARG V=1', ...stages.flat()].join('\n')}\n`
}
