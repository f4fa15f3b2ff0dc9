import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../src/oci/digest.ts'
import { platformOfNodeArch } from '../../src/platform.ts'
import { writeFiles } from '../e2e/support/context.ts'
import { program, tempFolder } from '../e2e/support/places.ts'
import { run } from '../e2e/support/xbuild.ts'
import { type EngineAnswers, type HostileEngine, startHostileEngine } from '../support/hostile-engine.ts'
import { extension, item, paxRecord, tar, type TarItem } from '../support/tar.ts'
import { makeCanary, stateOf } from './support/canary.ts'

/** The real program builds on an engine without BuildKit that gives back garbage. */
const folder = tempFolder()
const store = join(folder, 'store')
const outside = join(folder, 'outside')
const { architecture } = platformOfNodeArch(process.arch)
let engine: HostileEngine
let before: string[]

beforeAll(async () => {
  await makeCanary(outside, process.getuid!())
  before = stateOf(outside)
  engine = await startHostileEngine(join(folder, 'socket'), { arch: architecture })
})
afterAll(() => engine?.stop())

const layer = tar([item({ path: 'x', data: 'new\n' })])
const configOf = (layers: readonly Buffer[]) =>
  JSON.stringify({
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((bytes) => sha256(bytes)) },
  })
const list = (config: string, layers: readonly string[]) => JSON.stringify([{ Config: config, Layers: layers }])
const file = (path: string, data: string | Buffer) => item({ path, data })
const saved = (items: readonly TarItem[]) => tar(items)
const PARTS = {
  'l.tar': file('l.tar', layer),
  'config.json': file('config.json', configOf([layer])),
  'manifest.json': file('manifest.json', list('config.json', ['l.tar'])),
}
const GOOD = Object.values(PARTS)
const without = (name: keyof typeof PARTS) => GOOD.filter((part) => part !== PARTS[name])
const HEX = '0'.repeat(64)

/** Builds on the engine, with at most half a gigabyte of memory for what Node keeps itself. */
async function build(answers: EngineAnswers) {
  engine.answers = answers
  const context = writeFiles(join(folder, 'context'), { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
  const args = ['--max-old-space-size=192', program, '--builder', engine.endpoint, '--network', 'host']
  const out = ['--progress', 'plain', '-o', `type=oci,dest=${join(folder, 'out')}`, context]
  const ended = await run(process.execPath, [...args, ...out], { store, cwd: folder, env: { HOME: folder } })
  expect(stateOf(outside)).toEqual(before)
  expect(readdirSync(join(store, 'tmp'))).toEqual([])
  expect(ended.stderr).not.toMatch(/^\s+at .*js:\d|unhandled|bug in xbuild|heap/im)
  return ended
}

test('an image without faults is taken', async () => {
  const { code, stderr } = await build({ save: (response) => void response.end(saved(GOOD)) })
  expect(code, stderr).toBe(0)
})

const idOf = (bytes: Buffer | string) => sha256(Buffer.from(bytes))
const builtAs = (id: string) => [JSON.stringify({ aux: { ID: id } })]
const manifestOf = (config: string) =>
  JSON.stringify({ schemaVersion: 2, config: { digest: idOf(config) }, layers: [] })
const blob = (text: string) => file(`blobs/sha256/${idOf(text).slice('sha256:'.length)}`, text)

test('an image is taken under the id of its config, of its manifest, and of an index that leads to it', async () => {
  const config = configOf([layer])
  const manifest = manifestOf(config)
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ digest: `sha256:${HEX}` }, { digest: idOf(manifest) }],
  })
  for (const id of [idOf(config), idOf(manifest), idOf(index)]) {
    const archive = saved([...GOOD, blob(manifest), blob(index)])
    const { code, stderr } = await build({ built: builtAs(id), save: (response) => void response.end(archive) })
    expect(code, stderr).toBe(0)
  }
})

const OTHER = configOf([]).replace('linux', 'other')
test.each([
  ['an image of which nothing is there', `sha256:${HEX}`, []],
  ['another image that is in the archive, too', idOf(OTHER), [blob(OTHER)]],
  ['a manifest of another image', idOf(manifestOf(OTHER)), [blob(manifestOf(OTHER)), blob(OTHER)]],
  [
    'a manifest that is not what its name says',
    `sha256:${HEX}`,
    [file(`blobs/sha256/${HEX}`, manifestOf(configOf([layer])))],
  ],
] as const)('an engine that says it built %s, and gives this one, is found out', async (_, id, more) => {
  const archive = saved([...GOOD, ...more])
  const { code, stderr } = await build({ built: builtAs(id), save: (response) => void response.end(archive) })
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(
    /^error: Cannot take the image from .*: it built sha256:[0-9a-f]{64}, and what it gives is sha256/m,
  )
})

const ARCHIVES: readonly (readonly [what: string, archive: () => Buffer, said: RegExp])[] = [
  ['nothing', () => Buffer.alloc(0), /"manifest.json" is missing|tar/],
  ['no archive', () => Buffer.from('<html>Not found</html>'.repeat(100)), /tar|archive/],
  ['an archive that was cut', () => saved(GOOD).subarray(0, 2000), /tar|archive|ends/],
  [
    'a layer of other bytes',
    () => saved([file('l.tar', 'x'.repeat(2048)), ...without('l.tar')]),
    /does not match its digest/,
  ],
  [
    'a config that is not what its name says',
    () =>
      saved([
        ...GOOD.slice(0, 1),
        file(`${HEX}.json`, configOf([layer])),
        file('manifest.json', list(`${HEX}.json`, ['l.tar'])),
      ]),
    /does not match its digest/,
  ],
  [
    'a blob of a config that is not what its name says',
    () =>
      saved([
        ...GOOD.slice(0, 1),
        file(`blobs/sha256/${HEX}`, configOf([layer])),
        file('manifest.json', list(`blobs/sha256/${HEX}`, ['l.tar'])),
      ]),
    /does not match its digest/,
  ],
  ['a missing layer', () => saved(without('l.tar')), /its layer "l.tar" is missing/],
  ['a missing config', () => saved(without('config.json')), /"config.json" is missing/],
  [
    'a layer that is a link outwards',
    () => saved([item({ path: 'l.tar', type: 'symlink', link: join(outside, 'full') }), ...without('l.tar')]),
    /its layer "l.tar" is missing/,
  ],
  [
    'a config that is a link outwards',
    () =>
      saved([
        item({ path: 'config.json', type: 'symlink', link: `../../../../..${join(outside, 'full')}` }),
        ...without('config.json'),
      ]),
    /"config.json" is missing/,
  ],
  [
    'names outwards',
    () =>
      saved([
        file(`../../../../../../..${outside}/full`, 'x'.repeat(100_000)),
        file(`${outside}/new`, 'x'.repeat(100_000)),
        item({ path: 'l', type: 'symlink', link: outside }),
        file('l/full', 'x'.repeat(100_000)),
        ...without('l.tar'),
      ]),
    /its layer "l.tar" is missing/,
  ],
  [
    'a layer named outwards',
    () => saved([...without('l.tar').slice(0, 1), file('manifest.json', list('config.json', [`${outside}/full`]))]),
    /is missing/,
  ],
  [
    'a config of the wrong shape',
    () => saved([file('config.json', '{"rootfs":{"diff_ids":{"length":9e9}}}'), ...without('config.json')]),
    /image config/,
  ],
  ['a list of the wrong shape', () => saved([...GOOD.slice(0, 2), file('manifest.json', '{"length":1e9}')]), /damaged/],
  [
    'a list of many layers',
    () => {
      const many = 30_000
      const config = configOf([layer]).replace(/\["(sha256:[0-9a-f]+)"\]/, (_, id) =>
        JSON.stringify(Array(many).fill(id)),
      )
      return saved([
        file('l.tar', layer),
        file('config.json', config),
        file('manifest.json', list('config.json', Array<string>(many).fill('l.tar'))),
      ])
    },
    /more than 10000 entries/,
  ],
  [
    'a header of a name that is too long',
    () => Buffer.concat([extension('x', paxRecord('path', 'x'.repeat(4 << 20))), saved(GOOD)]),
    /Cannot/,
  ],
  [
    'a size beyond all disks',
    () => Buffer.concat([extension('x', paxRecord('size', '9'.repeat(15))), saved(GOOD)]),
    /Cannot/,
  ],
]

test.each(ARCHIVES)('%s is an error', async (_, archive, said) => {
  const bytes = archive()
  const { code, stderr } = await build({ save: (response) => void response.end(bytes) })
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/^error: Cannot /m)
  expect(stderr).toMatch(said)
})

/** Writes a header that promises more, and 300 MiB. */
const endless = (head: Buffer): EngineAnswers => ({
  async save(response) {
    response.setMaxListeners(1000)
    response.write(head)
    const zeros = Buffer.alloc(1 << 20)
    for (let n = 0; n < 300 && !response.destroyed; n += 1)
      if (!response.write(zeros)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    response.destroy()
  },
})

test('a list without an end fills no memory', async () => {
  const list = tar([file('manifest.json', '')]).subarray(0, 512)
  const head = Buffer.concat([extension('x', paxRecord('size', String(1e12))), list])
  const { code, stderr } = await build(endless(head))
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/^error: Cannot /m)
})

test.each([
  ['nothing', []],
  ['no JSON', ['<html>', '{"stream":', '{"aux":{"ID":{}}}', '[[[['.repeat(10_000)]],
  ['an error without words', ['{"error":""}', '{"errorDetail":{}}']],
  ['an image that is no digest', ['{"aux":{"ID":"../../../x"}}']],
  ['control characters', ['{"error":"\\u001b[2J\\u001b]0;x\\u0007 failed"}']],
])('a stream of a build with %s ends with an error or its image', async (_, built) => {
  const { code, stderr } = await build({ built, save: (response) => void response.writeHead(500).end('{') })
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/^error: Cannot /m)
  expect(stderr).not.toMatch(/\u001b\[2J|\u0007/)
})
