import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { BuildEvent, BuildOptions, BuildPlan, BuildRequest, SessionResult } from '../../src/index.ts'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { cacheFolder } from '../conformance/support/places.ts'
import { removeLeftovers, startDocker, type Docker } from '../support/docker.ts'
import { dockerRoot } from '../support/docker-root.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { baseLayer } from './support/base-layer.ts'
import { writeFiles } from './support/context.ts'
import { root, tempFolder } from './support/places.ts'
import { runOk } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const TWO = [NATIVE, 'linux/386']
const folder = tempFolder()
const store = join(folder, 'store')
const cleanUps: (() => Promise<unknown> | void)[] = []
let library: typeof import('../../src/index.ts')
let engine: Docker
let registry: DebianRegistry
let count = 0
let context: string

beforeAll(async () => {
  library = (await import(pathToFileURL(join(root, 'dist/index.js')).href)) as typeof library
  const cache = await cacheFolder()
  removeLeftovers(cache)
  const work = join(cache, `work-images-${process.pid}`)
  cleanUps.push(() => rmSync(work, { recursive: true, force: true }))
  ;[engine, registry] = await Promise.all([startDocker(await dockerRoot(cache), work), startRegistry()])
  cleanUps.unshift(() => Promise.all([engine.stop(), registry.stop()]))
}, 600_000)

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

beforeEach(async () => {
  context = join(folder, `case-${++count}`)
  writeFiles(context, { 'seed.txt': `seed ${count}\n` })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
})

/** A shared first stage, and after it what makes the image another one. */
const dockerfile = (rest: string) => `FROM scratch AS shared
ADD base.tar.gz /
COPY seed.txt /
RUN cat /proc/sys/kernel/random/uuid > /id && echo shared step
FROM shared
${rest}
`

function request(name: string, text: string, options: Partial<BuildOptions> = {}): BuildRequest {
  writeFileSync(join(context, `${name}.dockerfile`), text)
  return {
    name,
    options: {
      context,
      file: join(context, `${name}.dockerfile`),
      platforms: TWO,
      builders: ['local'],
      network: 'host',
      audit: 'off', // the base layer has programs of this machine's platform alone
      store,
      cwd: context,
      ...options,
    },
  }
}

const edges = (events: BuildEvent[] = []) => ({
  emit: (event: BuildEvent) => void events.push(event),
  signal: new AbortController().signal,
  env: process.env,
  stdout: new PassThrough(),
})

async function buildAll(requests: readonly BuildRequest[]): Promise<SessionResult & { events: BuildEvent[] }> {
  const events: BuildEvent[] = []
  return { ...(await library.build(requests, edges(events))), events }
}

/** Where the files of an image go. */
const files = (name: string) => ({ outputs: [{ type: 'local' as const, dest: join(context, `out-${name}`) }] })
const read = (name: string, platform: string, file: string) =>
  readFileSync(join(context, `out-${name}`, platform.replace('/', '_'), file), 'utf8')
const errorOf = ({ images }: SessionResult, name: string) => images.find((one) => one.name === name)?.error?.message

describe('several images in one session', () => {
  test('three Dockerfiles for two platforms, one on a BuildKit node: what is equal runs once, all is pushed and runs', async () => {
    const tag = (name: string) => `${registry.host}/many-${name}:1`
    const pushed = (name: string) => ({ tags: [tag(name)], outputs: [{ type: 'registry' as const }] })
    const { images, events } = await buildAll([
      request('web', dockerfile('RUN echo web > /name\nCMD ["cat", "/name", "/id"]'), pushed('web')),
      request('api', dockerfile('RUN echo api > /name\nCMD ["cat", "/name", "/id"]'), pushed('api')),
      request('far', dockerfile('RUN echo far > /name\nCMD ["cat", "/name"]'), {
        ...pushed('far'),
        builders: [`unix://${engine.socket}`],
      }),
    ])
    expect(images.map(({ name, error }) => [name, error?.message])).toEqual([
      ['web', undefined],
      ['api', undefined],
      ['far', undefined],
    ])
    expect(images.map(({ result }) => result!.images.map(({ platform }) => platform))).toEqual([TWO, TWO, TWO])
    expect(images.map(({ result }) => new Set(result!.images.map(({ node }) => node === 'local')))).toEqual([
      new Set([true]),
      new Set([true]),
      new Set([false]),
    ])

    // The shared RUN ran once per platform for both images of this machine
    const shared = events.flatMap((event) =>
      event.type === 'step.start' && event.name.includes('echo shared step') && !event.images?.includes('far')
        ? [event]
        : [],
    )
    expect(shared.map(({ images }) => images)).toEqual([
      ['web', 'api'],
      ['web', 'api'],
    ])
    for (const event of events) if (event.type === 'job.done') expect(event.image).toMatch(/^(?:web|api|far)$/)

    const said = async (name: string) =>
      runOk(process.execPath, [join(root, 'examples/run-image.mjs'), await pulled(tag(name), name), NATIVE])
    const [web, api, far] = [await said('web'), await said('api'), await said('far')]
    expect([web, api, far].map((text) => text.split('\n')[0])).toEqual(['web', 'api', 'far'])
    expect(web.split('\n')[1]).toBe(api.split('\n')[1])
    expect(web.split('\n')[1]).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('an image that fails does not take the others with it', async () => {
    const session = await buildAll([
      request('broken', dockerfile('RUN exit 7'), files('broken')),
      request('unread', 'FROM\n', files('unread')),
      request('gone', 'FROM scratch\nCOPY nowhere /\n', files('gone')),
      request('secret', 'FROM scratch\nADD base.tar.gz /\nRUN true\n', {
        secrets: { key: { kind: 'file', path: 'missing' } },
      }),
      request('good', dockerfile('RUN echo good > /name'), files('good')),
    ])
    expect(session.images.map(({ name, error }) => [name, error?.code])).toEqual([
      ['broken', 'RUN_FAILED'],
      ['unread', 'BAD_DOCKERFILE'],
      ['gone', 'NOT_FOUND'],
      ['secret', 'NOT_FOUND'],
      ['good', undefined],
    ])
    expect(TWO.map((platform) => read('good', platform, 'name'))).toEqual(['good\n', 'good\n'])
    expect(readdirSync(context).filter((name) => name.startsWith('out-'))).toEqual(['out-good'])
  })

  test('only what is given alike is shared: networks, secrets and contexts of one image are not those of another', async () => {
    const other = writeFiles(join(context, 'other'), { 'seed.txt': 'of the other\n' })
    copyFileSync(join(context, 'base.tar.gz'), join(other, 'base.tar.gz'))
    writeFiles(context, { one: 'first', two: 'second' })
    const text = dockerfile('RUN --mount=type=secret,id=key cat /run/secrets/key > /key; ls /sys/class/net > /net')
    const secret = (path: string) => ({ secrets: { key: { kind: 'file' as const, path } } })
    const { images, events } = await buildAll([
      request('one', text, { ...files('one'), ...secret('one') }),
      request('two', text, { ...files('two'), ...secret('two') }),
      request('apart', text, { ...files('apart'), ...secret('one'), context: other }),
      request('alone', text, { ...files('alone'), ...secret('one'), network: 'none' }),
    ])
    expect(images.map(({ error }) => error?.message)).toEqual([undefined, undefined, undefined, undefined])
    expect(['one', 'two', 'apart', 'alone'].map((name) => read(name, NATIVE, 'key'))).toEqual([
      'first',
      'second',
      'first',
      'first',
    ])
    expect(['one', 'apart'].map((name) => read(name, NATIVE, 'seed.txt'))).toEqual([
      `seed ${count}\n`,
      'of the other\n',
    ])
    expect(read('alone', NATIVE, 'net')).toBe('lo\n')
    const copies = events.filter((event) => event.type === 'step.start' && event.name.includes('COPY seed.txt'))
    expect(copies.map((event) => 'images' in event && event.images)).toContainEqual(['one', 'two', 'alone'])
  })
})

describe('an image that is made from another one', () => {
  const base = () => request('base', dockerfile('ENV FROM_BASE=yes\nLABEL made=base\nRUN echo base > /name'))
  const onBase = 'FROM parent\nRUN echo "$FROM_BASE $(cat /name)" > /said\nCOPY --from=parent /id /copied\n'
  const target = { buildContexts: { parent: { kind: 'target', image: 'base' } } } as const

  test('takes its steps and its config; they run once', async () => {
    // What it is made from may come later
    const { images, events } = await buildAll([
      request('top', onBase, { ...target, ...files('top') }),
      { ...base(), options: { ...base().options, ...files('base') } },
    ])
    expect(images.map(({ error }) => error?.message)).toEqual([undefined, undefined])
    for (const platform of TWO) {
      expect(read('top', platform, 'said')).toBe('yes base\n')
      expect(read('top', platform, 'id')).toBe(read('base', platform, 'id'))
      expect(read('top', platform, 'copied')).toBe(read('base', platform, 'id'))
    }
    const ran = events.filter((event) => event.type === 'step.log' && event.line === 'shared step')
    expect(ran).toHaveLength(2)
  })

  test('on a BuildKit node takes it as it was built, here or there', async () => {
    const node = [`unix://${engine.socket}`]
    const { images } = await buildAll([
      { ...base(), options: { ...base().options, ...files('base') } },
      request('top', onBase, { ...target, ...files('top'), builders: node }),
      request('more', 'FROM upper\nRUN cat /said > /again\n', {
        buildContexts: { upper: { kind: 'target', image: 'top' } },
        ...files('more'),
        builders: node,
      }),
    ])
    expect(images.map(({ error }) => error?.message)).toEqual([undefined, undefined, undefined])
    for (const platform of TWO) {
      expect(read('top', platform, 'said')).toBe('yes base\n')
      expect(read('top', platform, 'id')).toBe(read('base', platform, 'id'))
      expect(read('more', platform, 'again')).toBe('yes base\n')
    }
  })

  test('is built here on what a node built', async () => {
    const node = { builders: [`unix://${engine.socket}`] }
    const far = request('base', dockerfile('ENV FROM_BASE=yes\nRUN echo base > /name'), { ...files('base'), ...node })
    const { images, events } = await buildAll([request('top', onBase, { ...target, ...files('top') }), far])
    expect(images.map(({ error }) => error?.message)).toEqual([undefined, undefined])
    for (const platform of TWO) {
      expect(read('top', platform, 'said')).toBe('yes base\n')
      expect(read('top', platform, 'id')).toBe(read('base', platform, 'id'))
      expect(read('top', platform, 'copied')).toBe(read('base', platform, 'id'))
    }
    expect(events.filter((event) => event.type === 'step.log' && event.line === 'shared step')).toHaveLength(2)
  })

  test('fails with it, here and on a node; others do not', async () => {
    const session = await buildAll([
      request('base', dockerfile('RUN exit 7')),
      request('top', onBase, target),
      request('far', onBase, { ...target, builders: [`unix://${engine.socket}`] }),
      request('good', dockerfile('RUN true')),
    ])
    expect(session.images.map(({ name, error }) => [name, error?.code])).toEqual([
      ['base', 'RUN_FAILED'],
      ['top', 'RUN_FAILED'],
      ['far', 'RUN_FAILED'],
      ['good', undefined],
    ])
  })

  test('must be there, and not made from the image itself', async () => {
    const from = (image: string) => ({ buildContexts: { parent: { kind: 'target', image } } }) as const
    const circle = [request('a', onBase, from('b')), request('b', onBase, from('c')), request('c', onBase, from('a'))]
    await expect(library.build(circle, edges())).rejects.toThrow('it depends on itself (a -> b -> c -> a)')
    const session = await buildAll([request('top', onBase, from('bass')), base()])
    expect(errorOf(session, 'top')).toMatch(/Cannot use "target:bass" as the context "parent": no image/)
    expect(errorOf(session, 'base')).toBeUndefined()
  })
})

describe('the plan', () => {
  test('of a session names its images; that of one request is as it was', async () => {
    const top = request('top', 'FROM parent\nRUN true\n', {
      buildContexts: { parent: { kind: 'target', image: 'base' } },
    })
    const requests = [top, request('base', dockerfile('RUN true')), request('unread', 'FROM\n')]
    const plan: BuildPlan = await library.plan(requests, edges())
    expect(plan.images?.map(({ name, error }) => [name, error?.code])).toEqual([
      ['top', undefined],
      ['base', undefined],
      ['unread', 'BAD_DOCKERFILE'],
    ])
    const jobs = plan.jobs.filter(({ kind }) => kind === 'image')
    expect(jobs.map(({ id, image }) => [id, image])).toEqual([
      [`base ${NATIVE}`, 'base'],
      [`top ${NATIVE}`, 'top'],
      ['base linux/386', 'base'],
      ['top linux/386', 'top'],
    ])
    expect(jobs.map(({ needs }) => needs.filter((id) => id.startsWith('base linux')))).toEqual([
      [],
      [`base ${NATIVE}`],
      [],
      ['base linux/386'],
    ])
    const alone = await library.plan(requests[1]!.options, edges())
    expect(alone.images).toBeUndefined()
    expect(alone.jobs.every((job) => job.image === undefined)).toBe(true)
  })

  test.each([
    ['a name twice', () => [request('a', ''), request('a', '')], /image called "a"/],
    ['a bad name', () => [request('a b', '')], /image called "a b"/],
    ['two stores', () => [request('a', ''), request('b', '', { store: '/elsewhere' })], /their option "store" differs/],
    ['one place for two', () => [request('a', '', files('x')), request('b', '', files('x'))], /both use ".*out-x"/],
    [
      'two contexts from stdin',
      () => ['a', 'b'].map((n) => request(n, '', { context: '-' })),
      /both use "standard input"/,
    ],
    ['nothing', () => [], /no image was asked for/],
  ])('refuses %s', async (_, requests, message) => {
    await expect(library.plan(requests(), edges())).rejects.toThrow(message)
  })
})

/** An image of the registry as a layout folder. */
async function pulled(tag: string, name: string): Promise<string> {
  const layout = join(context, `pulled-${name}`)
  await runOk('skopeo', ['copy', '--all', '--src-tls-verify=false', `docker://${tag}`, `oci:${layout}:1`])
  return layout
}
