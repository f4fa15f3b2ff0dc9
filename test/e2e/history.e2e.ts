import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { seeded } from '../support/seeded.ts'
import { openStoreFolder } from '../../src/store/folder.ts'
import { readRuns } from '../../src/store/runs/read-run.ts'
import { startTestRegistry, type Intercept, type TestRegistry } from '../support/registry-server.ts'
import { withBases, writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { startXbuild, xbuild, type RunOptions } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const TWO = ['--platform', 'linux/amd64,linux/arm64']
let registry: TestRegistry
let bases: string[]

beforeAll(async () => {
  ;[registry, bases] = await Promise.all([startTestRegistry(), withBases('busybox')])
})
afterAll(() => registry.stop())
beforeEach(() => void registry.intercepts.splice(0))

const run = (args: readonly string[], options: RunOptions = {}) => xbuild(args, { store, ...options })

async function ok(args: readonly string[], options: RunOptions = {}): Promise<{ stdout: string; stderr: string }> {
  const ended = await run(args, options)
  expect(ended.code, ended.stderr).toBe(0)
  return ended
}

/** Refuses requests for good: a client does not try again. */
const refuse =
  (pattern: RegExp): Intercept =>
  ({ method }, response, { path }) => {
    if (!pattern.test(`${method} ${path}`)) return false
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"errors":[{"code":"UNSUPPORTED"}]}')
    return true
  }

const tagOf = (name: string) => registry.manifests.get(name)?.bytes.toString()
const latest = async () => JSON.parse((await ok(['history', 'show', '--json'])).stdout)

test('a push that failed is resumed without building: what was built is published, whatever the files say now', async () => {
  const context = writeFiles(join(folder, 'push'), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'first' })
  const tags = ['1', '2'].flatMap((tag) => ['-t', `${registry.host}/push:${tag}`])
  registry.intercepts.push(refuse(/^PUT .*\/blobs\//))
  const failed = await run([...TWO, ...tags, '--push', context])
  expect(failed.code, failed.stderr).toBe(1)
  expect((await ok(['du', '--filter', 'type=run', '--verbose'])).stdout).toContain('not published yet')
  expect(await latest()).toMatchObject({ state: 'failed', images: [{ status: 'failed', error: { code: 'REGISTRY' } }] })
  expect([...registry.manifests.keys()].filter((name) => name.startsWith('push:'))).toEqual([])

  // Nor does a prune take what waits for its push
  await ok(['prune', '--force'])
  writeFileSync(join(context, 'Dockerfile'), 'FROM nowhere\n')
  registry.intercepts.splice(0)
  const { stdout, stderr } = await ok(['resume'], { cwd: '/' })
  expect(stderr).not.toMatch(/COPY|exporting/)
  const index = tagOf('push:1')!
  expect(tagOf('push:2')).toBe(index)
  expect(JSON.parse(index).manifests).toHaveLength(2)
  expect(registry.manifests.get(`push:${stdout.trim()}`)?.bytes.toString()).toBe(index)
  expect(await latest()).toMatchObject({
    state: 'done',
    attempts: 2,
    images: [{ status: 'done', digest: stdout.trim() }],
  })
  expect((await ok(['resume'])).stderr).toContain('Nothing to resume')
  expect((await ok(['du', '--filter', 'type=run', '--verbose'])).stdout).not.toContain('not published yet')
})

test('tags that were not moved are moved to the digest of then, and those that were are left alone', async () => {
  const context = writeFiles(join(folder, 'tags'), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'tags' })
  const names = ['1', '2', '3'].map((tag) => `${registry.host}/tags:${tag}`)
  registry.intercepts.push(refuse(/^PUT .*\/manifests\/2$/))
  const failed = await run([...TWO, ...names.flatMap((name) => ['-t', name]), '--push', context])
  expect(failed.code, failed.stderr).toBe(1)
  const moved = tagOf('tags:1')!
  expect(tagOf('tags:2')).toBeUndefined()
  expect((await ok(['history', 'show'])).stdout).toMatch(new RegExp(`not moved: ${names[1]}`))

  const others = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: Buffer.from('{"another":"image"}') }
  registry.manifests.set('tags:1', others)
  writeFileSync(join(context, 'a'), 'changed since')
  registry.intercepts.splice(0)
  await ok(['resume'])
  expect(tagOf('tags:1')).toBe('{"another":"image"}')
  expect([tagOf('tags:2'), tagOf('tags:3')]).toEqual([moved, moved])
})

test('a tag that others have moved since the run began is not moved back', async () => {
  const context = writeFiles(join(folder, 'newer'), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'older' })
  registry.intercepts.push(refuse(/^PUT .*\/blobs\//))
  const failed = await run(['-t', `${registry.host}/newer:1`, '--push', context])
  expect(failed.code, failed.stderr).toBe(1)
  registry.intercepts.splice(0)
  const newer = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: Buffer.from('{"a":"newer image"}') }
  registry.manifests.set('newer:1', newer)
  const resumed = await run(['resume'])
  expect(resumed.code, resumed.stderr).toBe(1)
  expect(resumed.stderr).toMatch(/Cannot move ".*newer:1": somebody else has set it/)
  expect(tagOf('newer:1')).toBe('{"a":"newer image"}')
  await ok(['resume', '--force'])
  expect(tagOf('newer:1')).toContain('config')
})

test.each(['published', 'built'])(
  'a run may be allowed to take platforms when it is resumed and its image is %s',
  async (left) => {
    const name = `${registry.host}/fewer-${left}:1`
    const context = writeFiles(join(folder, `fewer-${left}`), {
      Dockerfile: `FROM scratch\nCOPY a /a\n${left === 'built' ? 'COPY --from=none /b /b\n' : ''}`,
      a: left,
    })
    const both = writeFiles(join(folder, `both-${left}`), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'both' })
    await ok([...TWO, '-t', name, '--push', both])
    const before = tagOf(`fewer-${left}:1`)
    const failed = await run(['--platform=linux/amd64', '-t', name, '--push', context])
    expect(failed.code, failed.stderr).toBe(1)
    expect(tagOf(`fewer-${left}:1`)).toBe(before)
    if (left === 'published') expect((await run(['resume'])).stderr).toMatch(/it would lose linux\/arm64/)
    else writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY a /a\n')
    await ok(['resume', '--allow-platform-drop'])
    expect(tagOf(`fewer-${left}:1`)).not.toBe(before)
  },
)

test('a platform that failed is built, and the others are taken as they are', async () => {
  const context = writeFiles(join(folder, 'flaky'), {
    Dockerfile: `FROM busybox
ARG TARGETARCH
RUN echo made-for-$TARGETARCH; cat /proc/sys/kernel/random/uuid > /once
RUN --mount=type=cache,target=/c if [ $TARGETARCH = arm64 ] && [ ! -e /c/tried ]; then touch /c/tried; exit 3; fi
`,
  })
  const name = `${registry.host}/flaky:1`
  const failed = await run(['--progress=plain', ...TWO, ...bases, '-t', name, '--push', context])
  expect(failed.code, failed.stderr).toBe(1)
  expect(tagOf('flaky:1')).toBeUndefined()
  const before = await latest()
  const digestOf = (shown: typeof before, platform: string) =>
    shown.images[0].platforms.find((one: { platform: string }) => one.platform === platform).digest
  expect(before.images[0].platforms).toMatchObject([
    { platform: 'linux/amd64', status: 'done' },
    { platform: 'linux/arm64', status: 'failed', error: { code: 'RUN_FAILED' } },
  ])
  const logs = (await ok(['history', 'logs', '--platform', 'linux/arm64'])).stdout
  expect(logs).toContain('made-for-arm64')
  expect(logs).not.toContain('made-for-amd64')

  const { stderr } = await ok(['resume', before.id.slice(-4)])
  expect(stderr).not.toMatch(/^#\d+ [\d.]+ made-for/m)
  const index = JSON.parse(tagOf('flaky:1')!)
  expect(index.manifests).toHaveLength(2)
  const after = await latest()
  expect(digestOf(after, 'linux/amd64')).toBe(digestOf(before, 'linux/amd64'))
  expect(index.manifests.map((one: { digest: string }) => one.digest)).toContain(digestOf(before, 'linux/amd64'))
})

test('what one attempt may do with tags, the next may not', async () => {
  const context = writeFiles(join(folder, 'attempts'), {
    Dockerfile: `FROM busybox
RUN --mount=type=cache,target=/c echo >> /c/tries; [ $(wc -l < /c/tries) -gt 2 ]
`,
  })
  const failed = await run([...bases, '-t', `${registry.host}/attempts:1`, '--push', context])
  expect(failed.code, failed.stderr).toBe(1)
  const again = await run(['resume', '--force'])
  expect(again.stderr).toContain('exit code 1')
  registry.intercepts.push(refuse(/^PUT .*\/blobs\//))
  const pushed = await run(['resume', '--force'])
  expect(pushed.stderr).toContain('UNSUPPORTED')
  registry.intercepts.splice(0)
  const newer = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: Buffer.from('{"a":"newer image"}') }
  registry.manifests.set('attempts:1', newer)
  const resumed = await run(['resume'])
  expect(resumed.stderr).toMatch(/Cannot move ".*attempts:1": somebody else has set it/)
  expect(tagOf('attempts:1')).toBe('{"a":"newer image"}')
  await ok(['resume', '--force'])
  expect(tagOf('attempts:1')).not.toBe('{"a":"newer image"}')
})

test('of several images only those that failed are built and published again', async () => {
  const project = writeFiles(join(folder, 'bake'), {
    'docker-bake.hcl': `
variable "TAG" { default = "1" }
group "default" { targets = ["one", "two", "three"] }
target "base" { dockerfile-inline = "FROM scratch\\nCOPY a /a\\n" }
target "one" { inherits = ["base"]\n tags = ["${registry.host}/bake/one:\${TAG}"] }
target "two" {
  contexts = { one = "target:one" }
  dockerfile-inline = "FROM one\\nCOPY late /late\\n"
  tags = ["${registry.host}/bake/two:\${TAG}"]
}
target "three" { inherits = ["base"]\n tags = ["${registry.host}/bake/three:\${TAG}"] }
`,
    a: 'one',
  })
  registry.intercepts.push(refuse(/^PUT \/v2\/bake\/three\/manifests\/1$/))
  const failed = await run(['bake', '--push', '--metadata-file', 'meta.json'], { cwd: project, env: { TAG: '1' } })
  expect(failed.code, failed.stderr).toBe(1)
  expect((await latest()).images).toMatchObject([
    { name: 'one', status: 'done' },
    { name: 'two', status: 'failed' },
    { name: 'three', status: 'failed' },
  ])
  registry.intercepts.splice(0)
  const other = await run(['resume'], { env: { TAG: '2' } })
  expect(other.code, other.stderr).toBe(2)
  expect(other.stderr).toMatch(/the image "one" has other options now: tags/)

  registry.seen.splice(0)
  writeFileSync(join(project, 'late'), 'now it is there')
  const { stdout } = await ok(['resume'])
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['one', 'two', 'three'])
  for (const name of ['one', 'two', 'three']) expect(tagOf(`bake/${name}:1`), name).toBeDefined()
  expect(registry.seen.filter(({ method, path }) => method === 'PUT' && path.includes('/bake/one/'))).toEqual([])
  expect(Object.keys(JSON.parse(readFileSync(join(project, 'meta.json'), 'utf8')))).toEqual(['one', 'two', 'three'])
  expect(await latest()).toMatchObject({ state: 'done' })
})

test('tags of several images move together when a run is resumed, too', async () => {
  const target = (name: string) =>
    `target "${name}" {\n  dockerfile-inline = "FROM scratch\\nCOPY a /${name}\\n"\n  tags = ["${registry.host}/together/${name}:1"]\n}\n`
  const group = 'group "default" { targets = ["one", "two"] }\n'
  const project = writeFiles(join(folder, 'together'), {
    'docker-bake.hcl': `${group}${target('one')}${target('two')}`,
    a: 'together',
  })
  registry.intercepts.push(refuse(/^PUT .*\/blobs\//))
  const failed = await run(['bake', '--push'], { cwd: project })
  expect(failed.code, failed.stderr).toBe(1)
  registry.intercepts.splice(0, 1, refuse(/^PUT \/v2\/together\/two\/manifests\//))
  const again = await run(['resume'])
  expect(again.code, again.stderr).toBe(1)
  expect(again.stderr).toContain('"two" could not be published, so no tag of this session has moved')
  expect(tagOf('together/one:1')).toBeUndefined()
  registry.intercepts.splice(0)
  await ok(['resume'])
  for (const name of ['one', 'two']) expect(tagOf(`together/${name}:1`), name).toBeDefined()
})

test('secrets are not written down, and resume says which are missing', async () => {
  const context = writeFiles(join(folder, 'secrets'), {
    Dockerfile: `FROM busybox
ARG API_TOKEN
RUN --mount=type=secret,id=word cat /run/secrets/word; echo "token is $API_TOKEN"; test -e /c/none
`,
  })
  const args = [
    '--progress=plain',
    ...bases,
    '--build-arg',
    'API_TOKEN=tok-1234567890',
    '--secret',
    'id=word,env=WORD',
    context,
  ]
  const env = { WORD: 'open-sesame-42', API_TOKEN: '' }
  const failed = await run(args, { env })
  expect(failed.code, failed.stderr).toBe(1)
  const id = (await latest()).id as string
  const files = readdirSync(join(store, 'runs', id)).map((name) => readFileSync(join(store, 'runs', id, name), 'utf8'))
  expect(files.join('')).toContain('token is ***')
  expect(files.join('')).not.toMatch(/tok-1234567890|open-sesame-42/)
  expect((await ok(['history', 'logs', id])).stdout).toContain('token is ***')
  const asked = await run(['resume'])
  expect(asked.code).toBe(2)
  expect(asked.stderr).toMatch(/API_TOKEN, WORD are not in the environment/)
})

test('two runs at once are two runs; a run is found by a part of its name, and an unknown one has a hint', async () => {
  const own = join(folder, 'own-store')
  const context = writeFiles(join(folder, 'two'), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'two' })
  const both = await Promise.all(['x', 'y'].map((name) => xbuild(['-t', name, context], { store: own })))
  for (const { code, stderr } of both) expect(code, stderr).toBe(0)
  const runs = JSON.parse((await ok(['history', 'ls', '--json'], { store: own })).stdout)
  expect(
    runs
      .map(({ state, images }: { state: string; images: { tags: string[] }[] }) => [state, images[0]!.tags[0]])
      .toSorted(),
  ).toEqual([
    ['done', 'x'],
    ['done', 'y'],
  ])
  const wrong = await run(['history', 'show', `${runs[0].id.slice(0, -1)}_`], { store: own })
  expect(wrong.code).toBe(1)
  expect(wrong.stderr).toMatch(/Did you mean "\d{8}-/)
  await ok(['history', 'rm', runs[0].id], { store: own })
  expect(readdirSync(join(own, 'runs'))).toEqual([runs[1].id])
  expect(JSON.parse((await ok(['history', '--json', '--filter', 'state=failed'], { store: own })).stdout)).toEqual([])
  await ok(['history', 'rm', '--all'], { store: own })
  expect((await run(['history', 'show'], { store: own })).stderr).toMatch(/Cannot find a run/)
})

test('a build that is killed at any moment has published all or nothing, and resume ends it', async () => {
  const own = join(folder, 'killed-store')
  const context = writeFiles(join(folder, 'killed'), { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'old' })
  const tags = ['1', '2'].flatMap((tag) => ['-t', `${registry.host}/killed:${tag}`])
  await ok([...TWO, ...tags, '--push', context], { store: own })
  const random = seeded(20260401)
  // Of a push of two platforms and tags these are all requests but the last; and some moments before it
  for (let round = 0; round < 12; round++) {
    const before = ['1', '2'].map((tag) => tagOf(`killed:${tag}`))
    writeFileSync(join(context, 'a'), `round ${round}`)
    const running = startXbuild([...TWO, ...tags, '--push', context], { store: own })
    const last = round < 9 ? 1 + Math.floor(random() * 16) : Infinity
    let count = 0
    const kill: Intercept = () => {
      if (++count === last) running.child.kill('SIGKILL')
      return false
    }
    registry.intercepts.push(kill)
    if (last === Infinity) setTimeout(() => running.child.kill('SIGKILL'), 150 + random() * 500)
    await running.ended
    registry.intercepts.splice(0)
    for (const [index, tag] of ['1', '2'].entries()) {
      const now = tagOf(`killed:${tag}`)!
      if (now !== before[index]) expectWhole('killed', now)
    }
    const found = readRuns(await openStoreFolder(own)).at(-1)!
    expect(found.state).toMatch(/^(interrupted|done)$/)
    const resumed = await ok(['resume'], { store: own })
    if (found.state === 'done') continue
    const digest = resumed.stdout.trim()
    for (const tag of ['1', '2']) {
      expectWhole('killed', tagOf(`killed:${tag}`)!)
      expect(tagOf(`killed:${tag}`)).toBe(tagOf(`killed:${digest}`))
    }
  }
})

/** Everything that an index of the registry leads to is there. */
function expectWhole(repository: string, text: string): void {
  for (const { digest } of JSON.parse(text).manifests) {
    const child = tagOf(`${repository}:${digest}`)
    expect(child, digest).toBeDefined()
    const { config, layers } = JSON.parse(child!)
    for (const blob of [config, ...layers]) expect(registry.blobs.has(`${repository}@${blob.digest}`)).toBe(true)
  }
}
