#!/usr/bin/env node
// `npm run bench:accel`: an unmodified Dockerfile that compiles Lua, for amd64, for arm64 with native toolchains, and for arm64 under plain QEMU.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { archiveFor } from '../../examples/base/debian.mjs'
import { buildProgram } from '../../examples/setup/checkout.mjs'
import { cache, root } from '../../examples/setup/places.mjs'
import { main, run, runOk, Stop } from '../../examples/setup/process.mjs'
import { installPrograms, neededToBuild, osRelease } from '../../examples/setup/programs.mjs'
import { toolchainBase } from '../support/toolchain-base.mjs'
import { median } from './report.mjs'

/** What we want to reach: beside our own amd64 build, and beside plain QEMU in the same run. */
const AIM = { native: 1.6, qemu: 6 }
const PACKAGE = 'lua5.4'

const DOCKERFILE = `FROM toolchain
WORKDIR /src
COPY lua .
RUN make -C src -j2 linux MYLIBS= MYCFLAGS= SYSCFLAGS="-DLUA_USE_LINUX" SYSLIBS="-Wl,-E -ldl"
RUN src/lua -e 'print(6 * 7)'
`

const WAYS = [
  { name: 'amd64', args: ['--platform', 'linux/amd64'] },
  { name: 'arm64, native toolchains', args: ['--platform', 'linux/arm64', '--accel=require'] },
  { name: 'arm64, plain QEMU', args: ['--platform', 'linux/arm64', '--accel=off'] },
]

await main(async () => {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, program: { type: 'string' }, work: { type: 'string', default: join(cache, 'bench') } } })
  if (!values.program) await buildProgram()
  await installPrograms(neededToBuild())
  const context = join(values.work, 'context-accel')
  await mkdir(context, { recursive: true })
  if (!existsSync(join(context, 'lua'))) await fetchSource(context)
  await writeFile(join(context, 'Dockerfile'), DOCKERFILE)
  const base = await toolchainBase('toolchain')
  const program = [process.execPath, values.program ?? join(root, 'dist/xbuild.cjs')]
  const command = ({ args }) => [...program, '--progress=plain', '--no-cache', '-o', 'type=cacheonly', '--store', join(values.work, 'store-accel'), '--build-context', `toolchain=oci-layout://${base}`, ...args, context]
  const found = new Map(WAYS.map(({ name }) => [name, []]))
  // The first round unpacks the base images and makes the packs: it does not count
  for (let round = 0; round <= Number(values.runs); round++) {
    for (const way of WAYS) {
      if (round === 0 && way.args.includes('--accel=off')) continue
      const took = await time(command(way))
      if (round > 0) found.get(way.name).push(took)
      console.error(`${way.name} ${round === 0 ? 'first' : round}: ${took.seconds.toFixed(1)} s, ${took.cpu.toFixed(1)} s of CPU`)
    }
  }
  const of = (kind) => WAYS.map(({ name }) => median(found.get(name).map((took) => took[kind])))
  for (const kind of ['seconds', 'cpu']) {
    const [native, packs, qemu] = of(kind)
    console.log(`${kind === 'cpu' ? 'CPU seconds' : 'Seconds    '}  amd64 ${native.toFixed(1)}  arm64 ${packs.toFixed(1)}  plain QEMU ${qemu.toFixed(1)}: ${(packs / native).toFixed(2)} x amd64 (aim ${AIM.native}), ${(qemu / packs).toFixed(1)} x faster than QEMU (aim ${AIM.qemu})`)
  }
})

/** Wall clock and processor time of a command line and everything that it started. */
function time(argv) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', 'TIMEFORMAT="took %R %U %S"; time "$@"', 'bash', ...argv], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
    child.on('error', reject)
    child.on('close', (code) => {
      const [, real, user, system] = /took ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? []
      if (code === 0 && real) resolve({ seconds: Number(real), cpu: Number(user) + Number(system) })
      else reject(new Stop(`${argv.join(' ')} failed:\n${said.slice(-2000)}`))
    })
  })
}

/** The source of Lua, from the archive that apt of this machine is configured for. */
async function fetchSource(folder) {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(ARCHITECTURE)', 'Created-By: Packages'])
  const configured = stdout.split('\n').map((line) => line.split(' ')).map(([uri, suite, architecture]) => ({ uri, suite, architecture }))
  const { uri, suite, components, keyrings } = archiveFor('amd64', { release: osRelease(), configured })
  const keyring = keyrings.map((name) => `/usr/share/keyrings/${name}`).find(existsSync)
  const apt = join(folder, '.apt')
  await mkdir(join(apt, 'state/lists/partial'), { recursive: true })
  await mkdir(join(apt, 'cache/archives/partial'), { recursive: true })
  await writeFile(join(apt, 'status'), '')
  await writeFile(join(apt, 'debian.sources'), `Types: deb-src\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${components}\nSigned-By: ${keyring}\n`)
  const options = [`Dir::State=${apt}/state`, `Dir::State::status=${apt}/status`, `Dir::Cache=${apt}/cache`, `Dir::Etc::sourcelist=${apt}/debian.sources`, 'Dir::Etc::sourceparts=/dev/null', 'APT::Sandbox::User='].flatMap((option) => ['-o', option])
  await runOk('apt-get', ['-qq', ...options, 'update', '--error-on=any'])
  await runOk('apt-get', ['-qq', ...options, 'source', '--download-only', PACKAGE], { cwd: apt })
  const archive = (await readdir(apt)).find((name) => /\.orig\.tar\./.test(name))
  if (!archive) throw new Stop(`The archive has no source of ${PACKAGE}`)
  await mkdir(join(folder, 'lua'))
  await runOk('tar', ['-xf', join(apt, archive), '-C', join(folder, 'lua'), '--strip-components=1'])
  await rm(apt, { recursive: true, force: true })
}
