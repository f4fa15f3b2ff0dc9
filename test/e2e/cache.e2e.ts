import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { countingProxy } from '../support/counting-proxy.ts'
import { startGhaCache, type Fault, type GhaCache } from '../support/gha-cache.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { withBases, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { xbuild, type Ended } from './support/xbuild.ts'

const folder = tempFolder()
const TWO = 'linux/amd64,linux/arm64'
const DOCKERFILE = `FROM busybox AS tool
RUN echo made-by-tool > /tool && mkdir /private && chmod 700 /private && chown -R 1234:1234 /private
FROM busybox
WORKDIR /app
COPY a.txt .
COPY --from=tool /tool /tool
ARG TARGETARCH
RUN cat a.txt /tool > both && echo $TARGETARCH >> both && rm a.txt
RUN true
CMD ["cat", "both"]
`
const STEPS = 6

let bases: string[]
let registry: DebianRegistry
let context: string
let machines = 0

beforeAll(async () => {
  bases = await withBases('busybox')
  registry = await startRegistry()
  context = writeFiles(join(folder, 'context'), { Dockerfile: DOCKERFILE, 'a.txt': 'a\n' })
})
afterAll(() => registry.stop())

/** Builds on a machine that has never built anything. */
async function build(
  args: readonly string[],
  { platform = TWO, env = {} }: { platform?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Ended & { ran: string[]; cached: string[] }> {
  machines += 1
  const store = join(folder, `store-${machines}`)
  const ended = await xbuild(['--progress', 'plain', '--platform', platform, ...bases, ...args, context], {
    store,
    env,
  })
  expect(ended.code, ended.stderr).toBe(0)
  expect(await leftovers(store)).toEqual(CLEAN)
  const steps = [...ended.stderr.matchAll(/^(#\d+) (\[linux\/\S+ .*\] (?:RUN|COPY|WORKDIR) .*)$/gm)].map(
    ([, id, name]) => ({ id, name: name! }),
  )
  const isCached = ({ id }: { id: string | undefined }) => new RegExp(`^${id} CACHED$`, 'm').test(ended.stderr)
  return {
    ...ended,
    cached: steps.filter(isCached).map(({ name }) => name),
    ran: steps.filter((step) => !isCached(step)).map(({ name }) => name),
  }
}

const tagsOf = (repository: string) =>
  readdirSync(join(registry.folder, `docker/registry/v2/repositories/${repository}/_manifests/tags`)).toSorted()

describe('a second machine with an empty store', () => {
  test.each([
    [
      'registry',
      () => [
        `type=registry,ref=${registry.host}/two/cache:main,mode=max`,
        `type=registry,ref=${registry.host}/two/cache:main`,
      ],
    ],
    [
      'a reference alone',
      () => [`type=registry,ref=${registry.host}/alone/cache,mode=max`, `${registry.host}/alone/cache`],
    ],
    ['local', () => [`type=local,dest=${folder}/local-cache,mode=max`, `type=local,src=${folder}/local-cache`]],
  ])('runs nothing and gets the same image: %s', async (_, make) => {
    const [to, from] = make() as [string, string]
    const first = await build(['--cache-to', to])
    expect(first.ran).toHaveLength(2 * STEPS)
    const second = await build(['--cache-from', from, '-o', `type=oci,dest=${folder}/out-${machines}`])
    expect(second.ran).toEqual([])
    expect(second.cached).toHaveLength(2 * STEPS)
    expect(second.stdout).toBe(first.stdout)
  })

  test('takes what did not change, and runs the rest on top of it', async () => {
    const ref = `${registry.host}/changed/cache:1`
    await build(['--cache-to', `type=registry,ref=${ref},mode=max`], { platform: 'linux/amd64' })
    writeFileSync(join(context, 'a.txt'), 'changed\n')
    const out = join(folder, 'changed.tar')
    const second = await build(['--cache-from', ref, '-o', `type=tar,dest=${out}`], { platform: 'linux/amd64' })
    writeFileSync(join(context, 'a.txt'), 'a\n')
    expect(second.cached.map((name) => name.replace(/^.*\] /, '').split(' ')[0]).toSorted()).toEqual(['RUN', 'WORKDIR'])
    expect(second.ran).toHaveLength(4)
    expect(readFileSync(out, 'latin1')).toContain('changed\nmade-by-tool\namd64\n')
  })

  test('mode=min has the steps of the result only', async () => {
    const ref = `${registry.host}/min/cache:1`
    await build(['--cache-to', ref], { platform: 'linux/amd64' })
    const second = await build(['--cache-from', ref], { platform: 'linux/amd64' })
    expect(second.ran.map((name) => name.replace(/^.*\] /, ''))).toEqual([
      expect.stringMatching(/^RUN echo made-by-tool/),
    ])
  })

  test('finds the steps of an image that carries them', async () => {
    const ref = `${registry.host}/inline/app:1`
    const first = await build(['--cache-to', 'type=inline', '-t', ref, '--push'])
    const second = await build(['--cache-from', ref, '--cache-to', 'type=inline'])
    expect(second.ran.filter((name) => !name.includes('made-by-tool'))).toEqual([])
    expect(second.stdout).toBe(first.stdout)
  })

  test('gets the same bytes for another SOURCE_DATE_EPOCH as without a cache', async () => {
    const ref = `${registry.host}/epoch/cache:1`
    await build(['--cache-to', `type=registry,ref=${ref},mode=max`], { env: { SOURCE_DATE_EPOCH: '1000000000' } })
    const env = { SOURCE_DATE_EPOCH: '1700000000' }
    const [plain, cached] = [await build([], { env }), await build(['--cache-from', ref], { env })]
    expect(cached.ran).toEqual([])
    expect(cached.stdout).toBe(plain.stdout)
  })
})

test('builds of single platforms at the same time do not overwrite each other', async () => {
  const ref = `${registry.host}/legs/cache:main`
  const local = join(folder, 'legs')
  await Promise.all(
    ['linux/amd64', 'linux/arm64'].map((platform) =>
      build(
        [
          '--cache-to',
          ref,
          '--cache-to',
          `type=local,dest=${local}`,
          '--cache-to',
          `type=registry,ref=${ref},mode=max`,
        ],
        { platform },
      ),
    ),
  )
  expect(tagsOf('legs/cache')).toEqual(['main-linux-amd64', 'main-linux-arm64'])
  expect(readdirSync(local).toSorted()).toEqual(['linux-amd64', 'linux-arm64'])
  expect((await build(['--cache-from', ref])).ran).toEqual([])
  expect((await build(['--cache-from', `type=local,src=${local}`, '--cache-from', ref])).ran).toEqual([])
})

test('writing a cache again replaces it', async () => {
  const local = join(folder, 'again')
  await build(['--cache-to', `type=local,dest=${local},mode=max`], { platform: 'linux/amd64' })
  const before = readdirSync(join(local, 'linux-amd64/blobs/sha256'))
  writeFileSync(join(context, 'a.txt'), 'other\n')
  await build(['--cache-to', `type=local,dest=${local}`], { platform: 'linux/amd64' })
  writeFileSync(join(context, 'a.txt'), 'a\n')
  const after = readdirSync(join(local, 'linux-amd64/blobs/sha256'))
  expect(after.filter((name) => before.includes(name)).length).toBeLessThan(before.length)
})

describe('never ends a build:', () => {
  test('a cache that is not there, a registry that is gone, a folder that cannot be made', async () => {
    const gone = await startRegistry()
    await gone.stop()
    writeFileSync(join(folder, 'file'), '')
    const { stderr } = await build(
      [
        '--cache-from',
        `${registry.host}/never/was:1`,
        '--cache-from',
        `${gone.host}/x`,
        '--cache-from',
        `type=local,src=${folder}/nowhere`,
        '--cache-to',
        `${gone.host}/x`,
        '--cache-to',
        `type=local,dest=${folder}/file/sub`,
      ],
      { platform: 'linux/amd64' },
    )
    expect(stderr).toContain(`There is no cache in registry ${registry.host}/never/was:1 yet`)
    expect(stderr).toContain(`Cannot import the cache of registry ${gone.host}/x`)
    expect(stderr).toContain(`There is no cache in folder ${folder}/nowhere yet`)
    expect(stderr).toContain(`Cannot export the cache to registry ${gone.host}/x`)
    expect(stderr).toContain(`Cannot export the cache to folder ${folder}/file/sub`)
  })

  test.each(['missing', 'damaged'])('a layer that is %s', async (how) => {
    const local = join(folder, `broken-${how}`)
    await build(['--cache-to', `type=local,dest=${local},mode=max`], { platform: 'linux/amd64' })
    const blobs = join(local, 'linux-amd64/blobs/sha256')
    for (const name of readdirSync(blobs)) {
      const bytes = readFileSync(join(blobs, name))
      if (bytes[0] !== 0x1f) continue
      rmSync(join(blobs, name))
      if (how === 'damaged') writeFileSync(join(blobs, name), Buffer.alloc(bytes.length))
    }
    const { stderr, ran } = await build(
      ['--cache-from', `type=local,src=${local}`, '-o', `type=oci,dest=${folder}/out-${how}`],
      { platform: 'linux/amd64' },
    )
    expect(ran.length).toBeGreaterThan(0)
    if (how === 'damaged') expect(stderr).toContain('Cannot use an imported cache')
    expect(existsSync(join(folder, `out-${how}`, 'index.json'))).toBe(true)
  })
})

describe("GitHub's cache service", () => {
  let service: GhaCache
  beforeAll(async () => {
    service = await startGhaCache()
  })
  afterAll(() => service.stop())
  const ofService = () => ({ ACTIONS_RESULTS_URL: service.url, ACTIONS_RUNTIME_TOKEN: service.token })

  test('serves a second machine', async () => {
    const env = ofService()
    const first = await build(['--cache-to', 'type=gha,mode=max,scope=main'], { env })
    expect(first.stderr).not.toContain('Cannot')
    const second = await build(['--cache-from', 'type=gha,scope=main', '-o', `type=oci,dest=${folder}/out-gha`], {
      env,
    })
    expect(second.ran).toEqual([])
    expect(second.stdout).toBe(first.stdout)
    expect((await build(['--cache-from', 'type=gha,scope=other'], { env, platform: 'linux/amd64' })).cached).toEqual([])
  })

  test('a build that changes nothing, with a warm cache, transfers less than a megabyte, to the registry, too', async () => {
    const way = await countingProxy(registry.host)
    onTestFinished(() => way.stop())
    const files = { Dockerfile: `${DOCKERFILE}RUN head -c 3000000 /dev/urandom > /large\n`, 'a.txt': 'a\n' }
    const large = writeFiles(join(folder, 'large'), files)
    const args = ['--platform', TWO, ...bases, '-t', `${way.host}/two/warm:1`, '--push', large]
    const caches = ['--cache-from', 'type=gha', '--cache-to', 'type=gha,mode=max']
    const first = await xbuild([...caches, ...args], { store: join(folder, 'warm-1'), env: ofService() })
    expect(first.code, first.stderr).toBe(0)
    const [before, pushed, entries] = [service.traffic(), way.bytes(), service.entries.size]
    expect(Math.min(before, pushed)).toBeGreaterThan(6_000_000)
    const second = await xbuild([...caches, ...args], { store: join(folder, 'warm-2'), env: ofService() })
    expect(second.code, second.stderr).toBe(0)
    expect(second.stdout).toBe(first.stdout)
    expect(service.traffic() - before + way.bytes() - pushed).toBeLessThan(1_000_000)
    expect(service.entries.size).toBe(entries)
  })

  test('a budget keeps the steps that took longest for their size, and says what it leaves out', async () => {
    const slow = writeFiles(join(folder, 'budget'), {
      Dockerfile:
        'FROM busybox\nRUN head -c 300000 /dev/urandom > /fast\nRUN sleep 1; head -c 1000 /dev/urandom > /slow\n',
    })
    const run = (store: string, caches: readonly string[]) =>
      xbuild(['--progress', 'plain', '--platform', 'linux/amd64', ...bases, ...caches, slow], {
        store: join(folder, store),
        env: ofService(),
      })
    const first = await run('budget-1', ['--cache-to', 'type=gha,mode=max,max-size=100k'])
    expect(first.stderr).toMatch(/Does not fit into max-size=: .*fast$/m)
    const second = await run('budget-2', ['--cache-from', 'type=gha'])
    expect(second.code, second.stderr).toBe(0)
    const ran = [...second.stderr.matchAll(/^(#\d+) .*RUN (\w+).*$/gm)].filter(
      ([, id]) => !new RegExp(`^${id} CACHED$`, 'm').test(second.stderr),
    )
    expect(ran.map(([, , command]) => command)).toEqual(['head'])
  })

  test.each<[where: string, fault: Fault]>([
    ['GetCacheEntryDownloadURL', 'hang'],
    ['GetCacheEntryDownloadURL', 403],
    ['CreateCacheEntry', 429],
    ['blob', 'cut'],
  ])('never ends a build: %s %s', async (where, fault) => {
    service.faults.set(where, fault)
    try {
      const { stderr } = await build(
        ['--cache-from', 'type=gha,scope=main,timeout=1s', '--cache-to', 'type=gha,scope=faults,timeout=1s'],
        { env: ofService(), platform: 'linux/amd64' },
      )
      expect(stderr).toMatch(/Cannot (?:import|export) the cache (?:of|to) GitHub's cache service/)
    } finally {
      service.faults.clear()
    }
  })

  test.each([
    ['into a folder', (name: string) => `type=oci,dest=${folder}/evicted-${name}`],
    ['to standard output', () => 'type=oci,dest=-'],
  ])('a layer that was evicted is made anew: %s', async (_, output) => {
    service.evict('xbuild-blob')
    const { stderr, ran } = await build(['--cache-from', 'type=gha,scope=main', '-o', output('layers')], {
      env: ofService(),
      platform: 'linux/amd64',
    })
    expect(stderr).toContain('Cannot use an imported cache')
    expect(ran.length).toBeGreaterThan(0)
  })

  test('is a warning outside of a workflow', async () => {
    const { stderr } = await build(['--cache-to', 'type=gha'], {
      platform: 'linux/amd64',
      env: { ACTIONS_RESULTS_URL: '', ACTIONS_RUNTIME_TOKEN: '' },
    })
    expect(stderr).toContain('ACTIONS_RESULTS_URL is not set')
  })
})
