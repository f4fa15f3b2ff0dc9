import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ABILITY } from '../../src/driver/buildkit/facts.ts'
import type { XbuildError } from '../../src/errors.ts'
import { MEDIA_TYPE, type Descriptor } from '../../src/oci/descriptor.ts'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import type { BuiltImage } from '../../src/content/built-image.ts'
import type { StageJob } from '../../src/plan/types.ts'
import { cacheFolder } from '../conformance/support/places.ts'
import { imageJob, openBuildkitNode, type BuildkitNode, type TestBuild } from '../support/buildkit-node.ts'
import { startDockerd } from '../support/daemons.ts'
import { removeLeftovers, startDocker } from '../support/docker.ts'
import { dockerRoot } from '../support/docker-root.ts'
import { startTestRegistry } from '../support/registry-server.ts'
import { baseLayout } from './support/examples.ts'
import { writeFiles } from './support/context.ts'
import { xbuild } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
/** The layer of the base image, which ADD unpacks: no engine needs to know an image. */
const BASE = 'FROM scratch AS base\nADD base.tar.gz /\n'

const folder = mkdtempSync(join(tmpdir(), 'xbuild-buildkit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let contexts = 0
/** A context with the base layer and these files. */
async function contextOf(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = writeFiles(join(folder, `context-${++contexts}`), files)
  copyFileSync(await baseLayer(), join(path, 'base.tar.gz'))
  return path
}

async function baseLayer(): Promise<string> {
  const layout = await baseLayout('busybox')
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
  const json = (path: string) =>
    JSON.parse(readFileSync(path, 'utf8')) as { manifests: Descriptor[]; layers: Descriptor[] }
  const list = json(blob(json(join(layout, 'index.json')).manifests[0]!.digest))
  const own = list.manifests.find(({ platform }) => `linux/${platform?.architecture}` === NATIVE)!
  return blob(json(blob(own.digest)).layers[0]!.digest)
}

/** The paths in the layers of an image, from the lowest layer on. */
async function pathsIn(image: BuiltImage): Promise<string[]> {
  const paths: string[] = []
  for (const layer of await layersOf(image))
    paths.push(
      ...execFileSync('tar', ['-tf', (await image.blobs.path(layer))!], { encoding: 'utf8' })
        .split('\n')
        .filter(Boolean),
    )
  return paths
}

async function layersOf(image: BuiltImage): Promise<Descriptor[]> {
  const path = (await image.blobs.path(image.descriptor))!
  return (JSON.parse(readFileSync(path, 'utf8')) as { layers: Descriptor[] }).layers
}

async function fileIn(image: BuiltImage, name: string): Promise<string> {
  for (const layer of (await layersOf(image)).reverse()) {
    const file = (await image.blobs.path(layer))!
    if (execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).split('\n').includes(name))
      return execFileSync('tar', ['-xOf', file, name], { encoding: 'utf8' })
  }
  throw new Error(`${name} is in no layer`)
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it was built'),
    (error: XbuildError) => error,
  )

/** What every engine has to do. */
function everyEngine(node: () => BuildkitNode): void {
  const build = (options: TestBuild) => node().build({ job: imageJob(NATIVE), ...options })

  test('builds a context, leaving out what .dockerignore says, and tells its steps', async () => {
    const context = await contextOf({ 'app/a.txt': 'a', 'app/b.log': 'b', 'app/keep.log': 'k', 'secret.txt': 's' })
    symlinkSync('a.txt', join(context, 'app/link'))
    linkSync(join(context, 'app/a.txt'), join(context, 'app/twin'))
    const { image, events, lines } = await build({
      context,
      ignore: ['**/*.log', '!app/keep.log', 'secret.txt'],
      dockerfile: `${BASE}COPY . /ctx/\nRUN echo first; cat /ctx/app/twin; readlink /ctx/app/link; ls /ctx /ctx/app; uname -m >/arch\nENV GREETING=hello\nCMD ["sh"]\nLABEL from=file\n`,
      options: { labels: { given: 'yes' }, buildArgs: { UNUSED: '1' } },
    })
    expect(lines.join(' ')).toContain('first')
    const listed = (await pathsIn(image)).filter((path) => path.startsWith('ctx/')).sort()
    expect(listed).toEqual([
      'ctx/',
      'ctx/app/',
      'ctx/app/a.txt',
      'ctx/app/keep.log',
      'ctx/app/link',
      'ctx/app/twin',
      'ctx/base.tar.gz',
    ])
    expect(image.config.config).toMatchObject({ Cmd: ['sh'], Labels: { from: 'file', given: 'yes' } })
    expect(image.config.config?.Env).toContain('GREETING=hello')
    expect(image.descriptor).toMatchObject({ mediaType: MEDIA_TYPE.manifest, platform: { os: 'linux' } })
    const started = events.flatMap((event) => (event.type === 'step.start' ? [event.name] : []))
    expect(started).toContainEqual(expect.stringMatching(new RegExp(`^\\[${NATIVE} (base )?\\d/3\\] RUN echo first`)))
    for (const event of events)
      if (event.type === 'step.start')
        expect(events.some((other) => other.type === 'step.done' && other.step === event.step)).toBe(true)
    const bytes = readFileSync((await image.blobs.path(image.descriptor))!)
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(image.descriptor.digest)
  })

  test('takes every step from the cache the second time, and notices one changed byte', async () => {
    const context = await contextOf({ 'a.txt': 'one' })
    const dockerfile = `${BASE}COPY a.txt /\nRUN cat /a.txt >/b.txt\n`
    const first = await build({ context, dockerfile })
    const second = await build({ context, dockerfile })
    expect(await fileIn(second.image, 'b.txt')).toBe('one')
    expect(second.image.config.rootfs).toEqual(first.image.config.rootfs)
    expect(second.lines).toEqual([])
    writeFileSync(join(context, 'a.txt'), 'two')
    expect(await fileIn((await build({ context, dockerfile })).image, 'b.txt')).toBe('two')
  })

  test('gives out the merged files of an image', async () => {
    const remote = node().remote({
      context: await contextOf(),
      dockerfile: `${BASE}RUN echo one >/kept; echo two >/gone\nRUN rm /gone; cat /proc/sys/kernel/random/uuid >/id\n`,
      options: { noCache: true },
    })
    const driver = node().driver(() => remote)
    const { signal } = new AbortController()
    const image = await driver.build(imageJob(NATIVE), { signal, emit: () => {} })
    const archive = join(folder, 'tree.tar')
    await pipeline(await image.exportTree!({ signal }), createWriteStream(archive))
    await driver.close()
    const listed = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).split('\n')
    expect(listed).toEqual(expect.arrayContaining(['kept', 'id', 'bin/busybox']))
    expect(listed).not.toContain('gone')
    expect(execFileSync('tar', ['-xOf', archive, 'id'], { encoding: 'utf8' })).toBe(await fileIn(image, 'id'))
  })

  test('says which RUN failed, with its exit code and last output', async () => {
    const error = await failure(
      build({ context: await contextOf(), dockerfile: `${BASE}RUN true\nRUN echo words; echo more >&2; exit 42\n` }),
    )
    expect(error).toMatchObject({ code: 'RUN_FAILED', at: { file: 'Dockerfile', line: 4 } })
    expect(error.message).toContain('exit code 42')
    expect(error.output).toEqual(expect.arrayContaining(['words', 'more']))
  })

  test.each([
    ['a file that is not there', `${BASE}COPY missing /\n`, 'NOT_FOUND'],
    ['an unknown instruction', 'FROM scratch\nFROBNICATE x\n', 'BAD_DOCKERFILE'],
    ['an image that is not there', 'FROM 127.0.0.1:1/nothing:here\nRUN true\n', 'REGISTRY'],
  ])('says what is wrong: %s', async (_, dockerfile, code) => {
    expect(await failure(build({ context: await contextOf(), dockerfile }))).toMatchObject({ code })
  })

  test('is handed the frontend that the file names, and says where when there is none', async () => {
    const registry = await startTestRegistry()
    try {
      const image = `${registry.host}/no/frontend:1`
      const text = `# syntax=${image} with=words\nanything: [at, all]\n`
      const frontend = { image, cmdline: `${image} with=words`, at: { file: 'Dockerfile', line: 1 } }
      const error = await failure(
        build({
          context: await contextOf(),
          dockerfile: '',
          remote: { dockerfile: { text, shown: 'Dockerfile', frontend } },
        }),
      )
      expect(error.message).toMatch(new RegExp(`^Cannot use syntax "${image}" on ".*": .*not found`))
      expect(error).toMatchObject({ code: 'NOT_FOUND', at: { file: 'Dockerfile', line: 1 } })
      expect(registry.seen.map(({ path }) => path)).toContain('/v2/no/frontend/manifests/1')
    } finally {
      await registry.stop()
    }
  })

  test('stops the RUN when it is canceled', async () => {
    const mark = `87654.${process.pid}${Date.now() % 1000}`
    const stop = new AbortController()
    const running = () => readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(mark))
    const error = await failure(
      build({
        context: await contextOf(),
        dockerfile: `${BASE}RUN echo go; sleep ${mark}\n`,
        signal: stop.signal,
        onEvent: (event) => event.type === 'step.log' && event.line === 'go' && stop.abort(),
      }),
    )
    expect(error.code).toBe('CANCELED')
    expect(running()).toBe(false)
  })

  test('gives secrets and a way to the ssh agent to the steps that ask for them', async () => {
    const context = await contextOf()
    const agent = startAgent(join(folder, `keys-${contexts}`))
    try {
      // The program that speaks with agents, with all it needs
      const libraries = execFileSync('ldd', [agent.program], { encoding: 'utf8' }).match(/\/[^ ]+/g)!
      execFileSync('tar', [
        '-chf',
        join(context, 'tools.tar'),
        '-C',
        '/',
        agent.program.slice(1),
        ...libraries.map((path) => path.slice(1)),
      ])
      const { image } = await build({
        context,
        dockerfile: `${BASE}ADD tools.tar /\nRUN --mount=type=secret,id=token cp /run/secrets/token /token\nRUN --mount=type=ssh ${agent.program} -l >/keys; ${agent.program} -D 2>/removed; ${agent.program} -l >/left\n`,
        remote: {
          secret: async (id) => (id === 'token' ? Buffer.from('hidden') : undefined),
          agent: (id) => (id === 'default' ? agent.socket : undefined),
        },
      })
      expect(await fileIn(image, 'token')).toBe('hidden')
      expect(await fileIn(image, 'keys')).toContain('key-of-the-test')
      // It lists keys and signs with them; the user's agent loses none
      expect(await fileIn(image, 'removed')).toContain('Failed to remove all identities')
      expect(await fileIn(image, 'left')).toContain('key-of-the-test')
      expect(agent.keys()).toContain('key-of-the-test')
    } finally {
      agent.stop()
    }
  })

  test('says which secret is missing', async () => {
    const error = await failure(
      build({ context: await contextOf(), dockerfile: `${BASE}RUN --mount=type=secret,id=nope,required=true true\n` }),
    )
    expect(error).toMatchObject({ code: 'BAD_OPTION' })
    expect(error.message).toContain('nope')
  })

  test('runs a step that two jobs share once, though they run at the same time', async () => {
    const context = await contextOf()
    const remote = node().remote({
      context,
      dockerfile: `${BASE}RUN cat /proc/sys/kernel/random/uuid >/id; sleep 1\nFROM base AS one\nRUN echo 1 >/n\nFROM base AS two\nRUN echo 2 >/n\n`,
    })
    const driver = node().driver(() => remote)
    const job = (stage: string): StageJob => ({
      ...imageJob(NATIVE),
      id: stage,
      kind: 'stage',
      stage,
      targets: [imageJob(NATIVE).target],
    })
    const names: string[] = []
    const emit = (event: { type: string; name?: string }) =>
      void (event.type === 'step.start' && names.push(event.name!))
    const images = await Promise.all(
      ['one', 'two'].map((stage) => driver.build(job(stage), { signal: new AbortController().signal, emit })),
    )
    await driver.close()
    expect(new Set(await Promise.all(images.map((image) => fileIn(image, 'id')))).size).toBe(1)
    expect(await Promise.all(images.map((image) => fileIn(image, 'n')))).toEqual(['1\n', '2\n'])
    expect(names.filter((name) => name.includes('RUN cat'))).toHaveLength(1)
  })

  test('builds from an archive, and without any context', async () => {
    const context = await contextOf({ 'x.txt': 'packed' })
    const file = join(folder, `${contexts}.tar`)
    execFileSync('tar', ['-cf', file, '-C', context, '.'])
    const archive = await build({ context: { kind: 'archive', file }, dockerfile: `${BASE}COPY x.txt /\n` })
    expect(await fileIn(archive.image, 'x.txt')).toBe('packed')
    const nothing = await build({ dockerfile: 'FROM scratch\nWORKDIR /new\nENV A=1\n' })
    expect(nothing.image.config.config?.Env).toContain('A=1')
  })

  test('sends thousands of files', async () => {
    const context = await contextOf()
    for (let folderNumber = 0; folderNumber < 30; folderNumber++) {
      mkdirSync(join(context, `d${folderNumber}`))
      for (let file = 0; file < 100; file++)
        writeFileSync(join(context, `d${folderNumber}/${file}`), `${folderNumber}-${file}`.repeat(file))
    }
    writeFileSync(join(context, 'large'), Buffer.alloc(3 << 20, 'large'))
    const { image } = await build({
      context,
      dockerfile: `${BASE}COPY . /all\nRUN find /all -type f | wc -l >/count; sha256sum /all/large /all/d29/99 >/sums\n`,
    })
    expect(await fileIn(image, 'count')).toBe('3002\n')
    const sum = (path: string) =>
      createHash('sha256')
        .update(readFileSync(join(context, path)))
        .digest('hex')
    expect(await fileIn(image, 'sums')).toBe(`${sum('large')}  /all/large\n${sum('d29/99')}  /all/d29/99\n`)
  })
}

/** A real ssh agent with one key. */
function startAgent(keys: string): { socket: string; program: string; keys(): string; stop(): void } {
  mkdirSync(keys)
  const socket = join(keys, 'agent')
  const program = execFileSync('sh', ['-c', 'command -v ssh-add'], { encoding: 'utf8' }).trim()
  const pid = Number(
    /SSH_AGENT_PID=(\d+)/.exec(execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' }))![1],
  )
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'key-of-the-test', '-f', join(keys, 'key')])
  execFileSync(program, [join(keys, 'key')], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' })
  return {
    socket,
    program,
    keys: () => execFileSync(program, ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: socket }, encoding: 'utf8' }),
    stop: () => process.kill(pid),
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

describe('Docker 20.10 of Debian 12 or newer, with graph drivers', () => {
  let daemon: Awaited<ReturnType<typeof startDockerd>>
  let node: BuildkitNode
  beforeAll(async () => {
    daemon = await startDockerd()
    node = await openBuildkitNode(daemon.socket)
  })
  afterAll(async () => {
    await node?.close()
    await daemon?.stop()
  })

  test('is known for what it is', () => {
    expect(node.facts.platforms.map(formatPlatform)).toContain(NATIVE)
    expect(node.facts.givesOci).toBe(false)
  })

  everyEngine(() => node)

  test('is given files in other languages by the program, where this machine does not build', async () => {
    const registry = await startTestRegistry()
    try {
      const context = writeFiles(join(folder, 'foreign'), {
        Dockerfile: `# escape=\\\n# syntax=${registry.host}/no/frontend\nanything: [at, all]\n`,
      })
      const there = await xbuild(
        ['--builder', `unix://${daemon.socket}`, '--platform', NATIVE, '--target', 'any', context],
        { store: join(folder, 'foreign-store') },
      )
      expect(there).toMatchObject({ code: 1, stdout: '' })
      expect(there.stderr).toMatch(/Cannot use syntax ".*\/no\/frontend" on ".*not found[^]*at .*Dockerfile:2\n/)
      expect(registry.seen.map(({ path }) => path)).toContain('/v2/no/frontend/manifests/latest')
      const here = await xbuild(['--platform', NATIVE, context], { store: join(folder, 'foreign-store') })
      expect(here.code).toBe(1)
      expect(here.stderr).toMatch(
        /Cannot use syntax ".*": xbuild itself supports only the syntax of docker\/dockerfile\n {2}at .*Dockerfile:2\n[^]*--builder/,
      )
    } finally {
      await registry.stop()
    }
  })

  test('is told apart from one that is gone, or does not answer any more', async () => {
    const victim = await startDockerd()
    const other = await openBuildkitNode(victim.socket)
    try {
      const context = await contextOf()
      let killed: Promise<void> | undefined
      const kill = (event: { type: string; line?: string }) => {
        if (event.type === 'step.log' && event.line === 'go') killed = victim.kill()
      }
      const error = await failure(
        other.build({ job: imageJob(NATIVE), context, dockerfile: `${BASE}RUN echo go; sleep 98765\n`, onEvent: kill }),
      )
      await killed
      expect(error).toMatchObject({ code: 'NODE' })
      expect(await failure(other.build({ job: imageJob(NATIVE), context, dockerfile: BASE }))).toMatchObject({
        code: 'NODE',
      })
    } finally {
      await other.close()
      await victim.stop()
    }
  })

  test('is lost when it is frozen', async () => {
    const freeze = (event: { type: string; line?: string }) =>
      void (event.type === 'step.log' && event.line === 'go' && daemon.freeze())
    try {
      const error = await failure(
        node.build({
          job: imageJob(NATIVE),
          context: await contextOf(),
          dockerfile: `${BASE}RUN echo go; sleep 3\n`,
          onEvent: freeze,
        }),
      )
      expect(error).toMatchObject({ code: 'NODE' })
      expect(error.message).toContain('has not answered')
    } finally {
      daemon.thaw()
    }
  })
})

describe('a current Docker with the containerd store', () => {
  let docker: Awaited<ReturnType<typeof startDocker>>
  let node: BuildkitNode
  let work: string
  beforeAll(async () => {
    const cache = await cacheFolder()
    removeLeftovers(cache)
    work = join(cache, `work-${process.pid}`)
    docker = await startDocker(await dockerRoot(cache), work)
    node = await openBuildkitNode(docker.socket)
  }, 600_000)
  afterAll(async () => {
    await node?.close()
    await docker?.stop()
    if (work) rmSync(work, { recursive: true, force: true })
  })
  const build = (options: TestBuild) => node.build({ job: imageJob(NATIVE), ...options })

  test('is known for what it is', () => {
    expect(node.facts.platforms.map(formatPlatform)).toContain(NATIVE)
    expect(node.facts.givesOci).toBe(true)
  })

  everyEngine(() => node)

  test('is spoken with through the control connection alone, too', async () => {
    const tunneled = await openBuildkitNode(docker.socket, { tunnel: true })
    const context = await contextOf({ 'a.bin': 'x'.repeat(2 << 20) })
    const { image } = await tunneled.build({
      job: imageJob(NATIVE),
      context,
      dockerfile: `${BASE}COPY a.bin /\nRUN wc -c </a.bin >/size\n`,
    })
    expect(await fileIn(image, 'size')).toBe(`${2 << 20}\n`)
    await tunneled.close()
  })

  test('hands results over as one stream where it is older', async () => {
    const abilities = new Set([...node.facts.abilities].filter((name) => name !== ABILITY.blobByBlob))
    const { image } = await build({
      context: await contextOf({ a: 'streamed' }),
      dockerfile: `${BASE}COPY a /\n`,
      driver: { facts: { ...node.facts, abilities } },
    })
    expect(await fileIn(image, 'a')).toBe('streamed')
    expect(readdirSync(node.store.folder.tmp)).toEqual([])
  })

  test('takes folders, layouts and stages built elsewhere as named contexts', async () => {
    const other = writeFiles(join(folder, 'other'), {
      'named.txt': 'from a folder',
      'left.out': 'x',
      '.dockerignore': 'left.out\n',
    })
    const layout = await baseLayout('busybox')
    const dockerfile =
      'FROM busybox AS made\nRUN cat /proc/sys/kernel/random/uuid >/id\nFROM busybox\nCOPY --from=extra / /extra\nCOPY --from=made /id /id\n'
    const options = {
      buildContexts: { busybox: { kind: 'oci-layout', path: layout }, extra: { kind: 'dir', path: other } },
    } as const
    const stage: StageJob = {
      ...imageJob(NATIVE),
      id: 'made',
      kind: 'stage',
      stage: 'made',
      targets: [imageJob(NATIVE).target],
    }
    const made = await build({ dockerfile, options, job: stage })
    const { image, events } = await build({
      dockerfile: dockerfile.replace('random/uuid', 'random/boot_id'),
      options,
      stages: [{ name: 'made', image: made.image }],
    })
    expect(await fileIn(image, 'id')).toBe(await fileIn(made.image, 'id'))
    expect(await fileIn(image, 'extra/named.txt')).toBe('from a folder')
    expect(await pathsIn(image)).not.toContain('extra/left.out')
    expect(events.some((event) => event.type === 'step.start' && event.name.includes('RUN'))).toBe(false)
  })

  test('writes the same bytes for the same SOURCE_DATE_EPOCH', async () => {
    const context = await contextOf({ a: 'a' })
    const one = () =>
      build({
        context,
        dockerfile: `${BASE}COPY a /\nRUN date >/dev/null; touch /made\n`,
        options: { sourceDateEpoch: 1_000_000_000, noCache: true },
      })
    const [first, second] = [await one(), await one()]
    expect(second.image.descriptor.digest).toBe(first.image.descriptor.digest)
    expect(first.image.config.created).toBe('2001-09-09T01:46:40Z')
  })

  test('writes a cache into a folder of this machine, and reads it there', async () => {
    const context = await contextOf()
    const cache = join(folder, 'cache')
    const dockerfile = `${BASE}RUN cat /proc/sys/kernel/random/uuid >/id\n`
    const first = await build({
      context,
      dockerfile,
      options: { cacheTo: [{ type: 'local', dest: cache, mode: 'max' }] },
    })
    expect(readdirSync(cache)).toEqual([`buildkit-${NATIVE.replaceAll('/', '-')}`])
    await docker.docker('builder', 'prune', '-af')
    const second = await build({ context, dockerfile, options: { cacheFrom: [{ type: 'local', src: cache }] } })
    expect(await fileIn(second.image, 'id')).toBe(await fileIn(first.image, 'id'))
  })

  test('pushes the result itself, takes no base image of another platform, and logs in without knowing the password', async () => {
    const registry = await startTestRegistry()
    const repository = `${registry.host}/pushed`
    const from = async (descriptor: Descriptor) => {
      const kind = descriptor.mediaType === MEDIA_TYPE.manifest ? 'manifests' : 'blobs'
      const answer = await fetch(`http://${registry.host}/v2/pushed/${kind}/${descriptor.digest}`, {
        headers: { accept: descriptor.mediaType },
      })
      return answer.body as unknown as NodeJS.ReadableStream
    }
    const { image } = await build({
      context: await contextOf(),
      dockerfile: `${BASE}ENV PUSHED=1\n`,
      driver: {
        pushTo: {
          repository,
          insecure: true,
          blobs: { path: async () => undefined, read: from, origins: async () => [repository] },
        },
      },
    })
    expect(image.config.config?.Env).toContain('PUSHED=1')
    expect(existsSync(node.store.blobs.path(image.descriptor.digest))).toBe(false)
    // The daemon itself would go on with a base image of another platform, and call the result what was asked for
    const other = NATIVE === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64'
    const error = await failure(
      build({ dockerfile: `FROM ${repository}@${image.descriptor.digest}\nENV A=1\n`, job: imageJob(other) }),
    )
    expect(error).toMatchObject({ code: 'NO_PLATFORM', at: { line: 1 } })
    expect(error.message).toContain(NATIVE)

    // From now on the registry wants a token, and the token service a password: the daemon is given the one, not the
    // other
    registry.intercepts.push((request, response, { path, headers }) => {
      if (
        headers.authorization === 'Bearer good' ||
        (path.startsWith('/token') && headers.authorization === `Basic ${btoa('user:secret')}`)
      ) {
        if (path.startsWith('/token')) response.end('{"token":"good"}')
        return path.startsWith('/token')
      }
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="test"` })
        .end('{}')
      request.resume()
      return true
    })
    const dockerfile = `FROM ${repository}@${image.descriptor.digest}\nENV PULLED=1\n`
    const remote = (password: string) => ({
      credentials: {
        find: async () => ({ kind: 'password', username: 'user', password, from: 'a test' }) as const,
        searched: async () => '',
      },
    })
    await docker.docker('builder', 'prune', '-af')
    expect(await failure(build({ dockerfile, remote: remote('wrong') }))).toMatchObject({ code: 'AUTH' })
    const pulled = await build({ dockerfile, remote: remote('secret') })
    expect(pulled.image.config.config?.Env).toContain('PULLED=1')
    const asked = registry.seen.filter(({ path }) => path.startsWith('/token'))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.every(({ headers }) => headers['user-agent'] === 'xbuild')).toBe(true)
    await registry.stop()
  })
})
