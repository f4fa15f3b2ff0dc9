import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeFiles } from '../support/context.ts'
import { tempFolder } from '../support/places.ts'
import { nodeImage, whyNoToolchains } from '../support/toolchains.ts'
import { run, xbuild } from '../support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const missing = await whyNoToolchains()
if (missing) console.warn(`Skipped: Node of an image's sibling: ${missing}`)

const TOLD = `
const os = require('os'), fs = require('fs'), vm = require('vm')
const { header, sharedObjects } = process.report.getReport()
fs.writeFileSync('told.json', JSON.stringify([
  process.arch, os.arch(), os.machine(), process.execPath, process.execArgv, process.config, process.versions,
  header.arch, header.glibcVersionRuntime, sharedObjects, os.cpus().map(({ model, speed }) => [model, speed]),
  fs.readlinkSync('/proc/self/exe'), fs.readFileSync('/proc/self/exe').length, Math.cos(1), Math.exp(0.123456), Math.log2(1000),
  vm.runInNewContext('Math.sin(100)'), Object.keys(require.cache).length,
], null, 1))
`

const FILES = {
  Dockerfile: `FROM node AS build
COPY told /src/told
COPY install.js package.json addon.c /src/pure/
WORKDIR /app
RUN npm install --offline --no-audit --no-fund --install-links /src/pure && node /src/told/told.js
RUN gcc -shared -fPIC -o addon.node /src/pure/addon.c && node -e "require('./addon.node'); fs.writeFileSync('loaded', process.arch)"
FROM scratch
COPY --from=build /app /
`,
  'fails.Dockerfile': `FROM node
RUN node -e "process.exit(7)"
`,
  'told/told.js': TOLD,
  'package.json': JSON.stringify({ name: 'pure', version: '1.2.3', scripts: { install: 'node install.js' } }),
  'install.js': `require('fs').writeFileSync('made-for', process.arch + ' ' + process.env.npm_config_user_agent)\n`,
  'addon.c': 'void *napi_register_module_v1(void *env, void *exports) { (void)env; return exports; }\n',
}

describe.skipIf(missing !== undefined)("Node of an image's sibling, speculated", () => {
  const said: Record<string, string> = {}
  const build = async (mode: string, ...more: string[]) => {
    const context = writeFiles(join(folder, 'context'), FILES)
    const node = `node=oci-layout://${await nodeImage()}`
    const flags = ['--progress=plain', '--platform=linux/arm64', '--build-context', node, `--accel=${mode}`, ...more]
    return xbuild([...flags, context], { store })
  }
  const out = (mode: string) => join(folder, mode)
  const metadata = (mode: string) => join(folder, `${mode}.json`)

  beforeAll(async () => {
    for (const mode of ['speculate', 'off']) {
      const output = ['-o', `type=local,dest=${out(mode)}`, '--metadata-file', metadata(mode)]
      const { code, stderr } = await build(mode, ...output)
      expect(code, stderr).toBe(0)
      said[mode] = stderr
    }
  }, 600_000)

  test('an installation runs natively, and every file is that of plain QEMU', async () => {
    const { code, stdout } = await run('diff', ['--recursive', out('speculate'), out('off')])
    expect(stdout).toBe('')
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(out('speculate'), 'told.json'), 'utf8')).slice(0, 5)).toEqual([
      ...['arm64', 'arm64', 'aarch64', '/usr/local/bin/node', []],
    ])
    expect(readFileSync(join(out('speculate'), 'node_modules/pure/made-for'), 'utf8')).toMatch(/^arm64 .* linux arm64 /)
    expect(said['speculate']).toMatch(/ran natively: .*node-image \(the image's linux\/amd64 v24\./)
    const { 'xbuild.starts': starts } = JSON.parse(readFileSync(metadata('speculate'), 'utf8')) as {
      'xbuild.starts': { programs: { program: string; native: number }[] }[]
    }
    const natively = starts.flatMap(({ programs }) => programs).filter(({ native }) => native > 0)
    expect(natively.map(({ program }) => program)).toContain('/usr/local/bin/node')
  })

  test('a step that loads a module of the CPU is run again', () => {
    expect(said['speculate']).toContain(
      "a step was run again under QEMU: a module of the image's CPU is loaded: /app/addon.node",
    )
    expect(readFileSync(join(out('speculate'), 'loaded'), 'utf8')).toBe('arm64')
  })

  test('builds that do not speculate take nothing of it from the cache, and those that do take theirs', async () => {
    expect(said['off']).toMatch(/RUN npm install [^\n]*\n(?!#\d+ CACHED)/)
    const { stderr } = await build('speculate', '-o', 'type=cacheonly')
    expect(stderr).toMatch(/RUN npm install [^\n]*\n#\d+ CACHED/)
    expect(stderr).not.toContain('again')
  })

  test('a step that fails is run under QEMU before it is told', async () => {
    const { code, stderr } = await build('speculate', '-f', join(folder, 'context/fails.Dockerfile'))
    expect(code).toBe(1)
    expect(stderr).toContain('run again under QEMU: it ended with exit code 7')
    expect(stderr).toMatch(/Cannot run .*: exit code 7/)
  }, 120_000)
})
