import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDockerEngine, type DockerEngine } from '../../src/driver/docker/engine.ts'
import { dialUnix } from '../../src/driver/transports/sockets.ts'
import { digestHex, sha256 } from '../../src/oci/digest.ts'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { cacheFolder } from '../conformance/support/places.ts'
import { startDockerd, startPodman, type Daemon } from '../support/daemons.ts'
import { removeLeftovers, startDocker, type Docker } from '../support/docker.ts'
import { dockerRoot } from '../support/docker-root.ts'
import { startRegistry, type DebianRegistry } from '../support/registry-debian.ts'
import { writeFiles } from './support/context.ts'
import { baseLayer } from './support/base-layer.ts'
import { baseLayout } from './support/examples.ts'
import { tempFolder } from './support/places.ts'
import { runOk, xbuild, type Ended } from './support/xbuild.ts'

const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const TWO = ['--platform', `${NATIVE},linux/386`]
const folder = tempFolder()
const store = join(folder, 'store')
const cleanUps: (() => Promise<unknown> | void)[] = []
let engine: Docker
let current: string
let old: Daemon
let podman: Daemon
let registry: DebianRegistry
let count = 0

beforeAll(async () => {
  const cache = await cacheFolder()
  removeLeftovers(cache)
  const work = join(cache, `work-nodes-${process.pid}`)
  cleanUps.push(() => rmSync(work, { recursive: true, force: true }))
  engine = await startDocker(await dockerRoot(cache), work)
  cleanUps.unshift(() => engine.stop())
  current = `unix://${engine.socket}`
  ;[old, podman, registry] = await Promise.all([startDockerd(), startPodman(), startRegistry()])
  cleanUps.unshift(() => Promise.all([old.stop(), podman.stop(), registry.stop()]))
}, 600_000)

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

/** Builds with the base layer in the context, so that no engine needs to know an image. */
async function build(
  dockerfile: string,
  nodes: readonly string[],
  args: readonly string[],
  command: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const context = writeFiles(join(folder, `case-${++count}`), { Dockerfile: dockerfile })
  copyFileSync(await baseLayer(), join(context, 'base.tar.gz'))
  // The base layer has programs of this machine's platform alone
  const flags = ['--audit=off', '--builder', nodes.join(','), '--network', 'host']
  return xbuild([...command, ...flags, ...args, context], { store, env })
}

const EACH = 'FROM scratch\nADD base.tar.gz /\nARG TARGETARCH\nRUN echo "for $TARGETARCH" > /made\n'
const SHARED = `FROM --platform=$BUILDPLATFORM scratch AS web
ADD base.tar.gz /
RUN cat /proc/sys/kernel/random/uuid > /id
FROM scratch
COPY --from=web /id /id
ADD base.tar.gz /
RUN cat /id
`

describe('several engines in one build', () => {
  test.each([
    ['the Docker of Debian and Podman', () => [old.endpoint, podman.endpoint]],
    ['a current Docker and this machine', () => [current, 'local']],
  ])('%s: one index out of both', async (_name, nodesOf) => {
    const [nodes, out] = [nodesOf(), join(folder, `files-${count}`)]
    const { code, stderr } = await build(EACH, nodes, [...TWO, '-o', `type=local,dest=${out}`])
    expect(code, stderr).toBe(0)
    expect(
      [NATIVE, 'linux/386'].map((platform) => readFileSync(join(out, platform.replace('/', '_'), 'made'), 'utf8')),
    ).toEqual([`for ${NATIVE.split('/')[1]}\n`, 'for 386\n'])
    // The least loaded of equals: each had one platform
    for (const node of nodes.filter((name) => name !== 'local'))
      expect(stderr.split(`native on ${node} `)).toHaveLength(2)
  })

  test('nodes push by themselves; nothing is moved a second time', async () => {
    const tag = `${registry.host}/app:1`
    const { code, stderr } = await build(EACH, [current], [...TWO, '-t', tag, '--push'])
    expect(code, stderr).toBe(0)
    expect(stderr).toContain(`pushed to ${tag}`)
    expect(stderr).not.toMatch(/pushing [0-9a-f]{12} to/)
    const index = (await (
      await fetch(`http://${registry.host}/v2/app/manifests/1`, {
        headers: { accept: 'application/vnd.oci.image.index.v1+json' },
      })
    ).json()) as { manifests: { platform: { architecture: string } }[] }
    expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual([NATIVE.split('/')[1], '386'])
  })

  test('provenance of images that several nodes built and pushed is one kind of thing', async () => {
    const { code, stderr } = await build(
      EACH,
      [current, 'local'],
      [...TWO, '-t', `${registry.host}/told:1`, '--push', '--provenance=mode=max', '--build-arg', 'WORD=x'],
    )
    expect(code, stderr).toBe(0)
    const ask = async (path: string) =>
      (
        await fetch(`http://${registry.host}/v2/told/${path}`, {
          headers: { accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' },
        })
      ).json()
    const { manifests } = (await ask('manifests/1')) as {
      manifests: { digest: string; annotations?: Record<string, string> }[]
    }
    const statements = await Promise.all(
      manifests
        .filter(({ annotations }) => annotations)
        .map(async ({ digest }) => {
          const { layers } = (await ask(`manifests/${digest}`)) as { layers: { digest: string }[] }
          return ask(`blobs/${layers[0]!.digest}`)
        }),
    )
    expect(statements).toMatchObject(
      manifests.slice(0, 2).map(({ digest }) => ({
        subject: [{ digest: { sha256: digest.slice(7) } }],
        predicate: {
          buildDefinition: {
            externalParameters: { request: { args: { 'build-arg:WORD': 'x' } } },
            internalParameters: { buildConfig: { steps: [{ instruction: 'FROM scratch' }, {}, {}, {}] } },
          },
        },
      })),
    )
    const nodes = statements.map(
      (statement) =>
        (
          statement as {
            predicate: {
              buildDefinition: { internalParameters: { xbuild: { stages: { strategy: string; node: string }[] } } }
            }
          }
        ).predicate.buildDefinition.internalParameters.xbuild.stages,
    )
    expect(
      nodes
        .flat()
        .map(({ node }) => node)
        .sort(),
    ).toEqual([current, 'local'].sort())
    expect(nodes.flat().map(({ strategy }) => strategy)).toEqual(['native', 'native'])
  })

  test('provenance of what a node built has the base image that it found, and is the same when nothing changed', async () => {
    const base = `${registry.host}/base:1`
    await runOk('skopeo', [
      '--insecure-policy',
      'copy',
      '--quiet',
      '--all',
      '--dest-tls-verify=false',
      `oci:${await baseLayout('busybox')}`,
      `docker://${base}`,
    ])
    const out = join(folder, 'told')
    const context = writeFiles(join(folder, 'told-context'), { Dockerfile: `FROM ${base}\nRUN echo x >/x\n` })
    const again = async () => {
      const { code, stdout, stderr } = await xbuild(
        ['--builder', current, '--network', 'host', '-o', `type=oci,dest=${out}`, '--provenance=mode=max', context],
        { store, env: { SOURCE_DATE_EPOCH: '1700000000' } },
      )
      expect(code, stderr).toBe(0)
      return stdout.trim()
    }
    const digest = await again()
    const read = (name: string) => JSON.parse(readFileSync(join(out, 'blobs', name.replace(':', '/')), 'utf8'))
    const {
      manifests: [, attestation],
    } = read(digest)
    const { buildDefinition } = read(read(attestation.digest).layers[0].digest).predicate
    const found = await runOk('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${base}`])
    expect(buildDefinition.resolvedDependencies).toEqual([
      {
        uri: expect.stringMatching(/^pkg:docker\/127\.0\.0\.1%3A\d+\/base@1\?platform=/),
        digest: { sha256: digestHex(sha256(found)) },
      },
    ])
    expect(buildDefinition.internalParameters.xbuild.stages).toMatchObject([{ strategy: 'native', node: current }])
    expect(await again()).toBe(digest)
  })

  test.each([
    ['this machine', () => 'local', ['--provenance=mode=min']],
    ['that engine', () => current, []],
  ])('--load of several platforms, built by %s: one name, and each of them runs', async (_name, nodeOf, more) => {
    const name = `loaded:${++count}`
    const { code, stderr, stdout } = await build(EACH, [nodeOf()], [...TWO, '-t', name, '--load', ...more], [], {
      DOCKER_HOST: current,
    })
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n/)
    const tree = await engine.docker('images', '--tree', name)
    expect(
      tree.stdout
        .split('\n')
        .filter((line) => / linux\//.test(line))
        .map((line) => /linux\/\S+/.exec(line)![0])
        .sort(),
    ).toEqual([NATIVE, 'linux/386'].sort())
    for (const platform of [NATIVE, 'linux/386']) {
      expect(
        await engine.docker('run', '--rm', '--network', 'none', '--platform', platform, name, '/bin/cat', '/made'),
      ).toMatchObject({ code: 0, stdout: `for ${platform.split('/')[1]}\n` })
    }
  })

  test('a build on other machines alone needs no program of this one', async () => {
    const { code, stderr } = await build(
      EACH,
      [current],
      [...TWO, '-o', `type=oci,dest=${join(folder, 'layout')}`],
      [],
      { PATH: '/nowhere' },
    )
    expect(code, stderr).toBe(0)
  })

  test('the plan knows every node, why it was taken or not, and whether the push is allowed', async () => {
    const { stdout, code } = await build(
      EACH,
      [current, 'local', `unix://${folder}/nobody.sock`],
      [...TWO, '-t', `${registry.host}/app:2`, '--push'],
      ['plan'],
    )
    expect(code).toBe(0)
    expect(stdout).toContain(`without unix://${folder}/nobody.sock: Cannot`)
    expect(stdout).toMatch(/not \w+ on local: .* has no more jobs per slot/)
    expect(stdout).toMatch(new RegExp(`^${registry.host}/app +allowed$`, 'm'))
  })
})

const TESTED = `FROM scratch
ADD base.tar.gz /
ENV GREETING="good day"
WORKDIR /work
RUN echo text >/a && chown 1000:1000 /work
USER 1000
ENTRYPOINT ["/bin/false"]
ONBUILD RUN exit 9
`
/** A current Docker, where results are read as OCI content; one whose BuildKit has no such; one without BuildKit. */
const KINDS = [
  ['a current Docker', () => current],
  ['the Docker of Debian', () => old.endpoint],
  ['Podman', () => podman.endpoint],
] as const

describe('checks before anything is published', () => {
  test.each(KINDS)('%s runs tests of the images that it built, and keeps nothing of them', async (_name, nodeOf) => {
    const [node, out, mark] = [nodeOf(), join(folder, `tested-${++count}`), `mark-${count}`]
    const good = [
      ['--test', `echo "${mark} $GREETING $(id -u) $(pwd) <<end"; echo changed > left; test -z "$TOKEN"`],
      ['--test', '["/bin/cat", "/a"]'],
      ['--test', `test ! -e left && ! ls /run/secrets && ! env | grep very-secret; echo ${mark}`],
    ].flat()
    const common = ['--platform', NATIVE, '--secret', 'id=t,env=TOKEN', '-o', `type=oci,dest=${out}`]
    // Programs of this machine are not there: what runs, runs on the node
    const env = { PATH: '/nowhere', TOKEN: 'very-secret' }
    const tested = await build(TESTED, [node], [...good, ...common], [], env)
    expect(tested.code, tested.stderr).toBe(0)
    expect(tested.stderr).toContain(`${mark} good day 1000 /work <<end`)
    expect(tested.stderr).toMatch(/test 2\/3\] \["\/bin\/cat", "\/a"\]/)
    expect(await left(node)).not.toMatch(new RegExp(`xbuild-temporary|${mark}`))
    const again = await build(TESTED, [node], [...good, ...common], [], env)
    expect(again.code, again.stderr).toBe(0)
    expect(again.stderr).toContain(`${mark} good day 1000 /work`)
    rmSync(out, { recursive: true })
    const bad = ['--test', 'echo no >&2; exit 7', '--test', '["/bin/nothing"]']
    const failed = await build(TESTED, [node], [...bad, ...common], [], env)
    expect(failed).toMatchObject({ code: 1, stdout: '' })
    expect(failed.stderr).toContain(
      `error: Cannot publish: test "echo no >&2; exit 7" of ${NATIVE} failed with exit code 7; test "["/bin/nothing"]" of ${NATIVE} failed`,
    )
    expect(failed.stderr).toMatch(/│ no$/m)
    expect(existsSync(out)).toBe(false)
    expect(await left(node)).not.toMatch(/xbuild-temporary|exit 7|nothing/)
  })

  test.each([KINDS[0], KINDS[2]])('what %s makes otherwise each time is found out', async (_name, nodeOf) => {
    const [node, out] = [nodeOf(), join(folder, `twice-${++count}`)]
    const common = ['--check-reproducible', '--platform', NATIVE, '-o', `type=oci,dest=${out}`]
    const env = { SOURCE_DATE_EPOCH: '1700000000' }
    const id = 'FROM scratch\nADD base.tar.gz /\nRUN echo same >/same\nRUN cat /proc/sys/kernel/random/uuid >/id\n'
    const differs = await build(id, [node], common, [], env)
    expect(differs).toMatchObject({ code: 1, stdout: '' })
    expect(differs.stderr).toContain(`Cannot reproduce "${NATIVE}": layer 3 of 3 differs, /id: content from byte `)
    expect(existsSync(out)).toBe(false)
    // Others do not set the times of files
    if (node !== current) {
      expect(differs.stderr).toMatch(/layer 2 of 3 is not the same in both builds: .*\/same: mtime/)
      return
    }
    const equal = await build('FROM scratch\nADD base.tar.gz /\nRUN echo same >/same\n', [node], common, [], env)
    expect(equal.code, equal.stderr).toBe(0)
    expect(equal.stderr).toContain(`the same digest twice: ${equal.stdout.trim()}`)
  })

  /** Docker answers with an error while it removes a snapshot that it is counting: then it is asked again. */
  async function diskUsage(engine: DockerEngine, tries = 50): Promise<unknown> {
    try {
      return await engine.api.df()
    } catch (error) {
      if (tries <= 1 || !/snapshot .* does not exist/.test(String(error))) throw error
      await setTimeout(100)
      return diskUsage(engine, tries - 1)
    }
  }

  /** What a node has: steps of its cache, containers, images. */
  async function left(node: string): Promise<string> {
    const engine = await openDockerEngine(dialUnix({ kind: 'unix', path: node.replace('unix://', '') }))
    try {
      const [containers, images] = await Promise.all([
        engine.api.listContainers({ all: true }),
        engine.api.listImages({ all: true }),
      ])
      const cache = node === podman.endpoint ? {} : await diskUsage(engine)
      return JSON.stringify([containers, images, cache])
    } finally {
      await engine.close()
    }
  }
})

describe('what a node has built before', () => {
  let context: string
  const again = (args: readonly string[] = []) =>
    xbuild(
      [
        '--builder',
        current,
        '--platform',
        NATIVE,
        '--network',
        'host',
        '-o',
        `type=oci,dest=${join(folder, 'same')}`,
        ...args,
        context,
      ],
      { store },
    )
  const TAKEN = `[${NATIVE}] nothing changed since `
  const pushBase = async (line: string) => {
    const base = await build(
      `FROM busybox\n${line}\n`,
      ['local'],
      [
        '--platform',
        NATIVE,
        '--build-context',
        `busybox=oci-layout://${await baseLayout('busybox')}`,
        '-t',
        `${registry.host}/base:1`,
        '--push',
        '--allow-platform-drop', // another test has pushed two platforms
      ],
    )
    expect(base.code, base.stderr).toBe(0)
  }

  /** Taken as it is, and made again only when `change` was made. */
  async function madeAnew(change: () => unknown, args: readonly string[] = []): Promise<void> {
    const same = await again(args)
    expect(same.stderr).toContain(TAKEN)
    await change()
    const anew = await again(args)
    expect(anew.code, anew.stderr).toBe(0)
    expect(anew.stderr).not.toContain(TAKEN)
    expect(anew.stderr).toContain('load metadata for')
  }

  beforeAll(async () => {
    await pushBase('LABEL of=base')
    context = writeFiles(join(folder, 'before'), {
      Dockerfile: `FROM ${registry.host}/base:1\nARG WHO=nobody\nCOPY . /all\nCOPY --from=named / /named\nRUN echo "$WHO" > /who\n`,
      'a.txt': 'one',
      'left/out': 'x',
      '.dockerignore': 'left\n',
      'Dockerfile.other': '',
    })
    writeFiles(join(folder, 'named'), { 'n.txt': 'named' })
  })
  const named = ['--build-context', `named=${join(folder, 'named')}`]

  test('is taken as it is, for whatever output', async () => {
    const first = await again(named)
    expect(first.code, first.stderr).toBe(0)
    expect(first.stderr).not.toContain(TAKEN)
    // What is not sent to the node does not count
    writeFiles(join(context, 'left'), { out: 'y' })
    const second = await again([...named, '-t', `${registry.host}/same:1`, '--push'])
    expect(second.code, second.stderr).toBe(0)
    expect(second.stderr).toContain(`${TAKEN}${current} built it`)
    expect(second.stdout).toBe(first.stdout)
  })

  test('is built again when a file, its mode, a named folder or .dockerignore changes', async () => {
    const { mtime, atime } = statSync(join(context, 'a.txt'))
    await madeAnew(() => {
      writeFileSync(join(context, 'a.txt'), 'two')
      utimesSync(join(context, 'a.txt'), atime, mtime)
    }, named)
    await madeAnew(() => chmodSync(join(context, 'a.txt'), 0o600), named)
    await madeAnew(() => writeFiles(join(folder, 'named'), { 'm.txt': 'more' }), named)
    await madeAnew(() => writeFiles(context, { '.dockerignore': '' }), named)
    await madeAnew(() => writeFiles(join(folder, 'named'), { '.dockerignore': 'm.txt' }), named)
  })

  test('is built again when the tag of its base image moves, or the Dockerfile does', async () => {
    await madeAnew(() => pushBase('LABEL of=another'), named)
    await madeAnew(() => appendFileSync(join(context, 'Dockerfile'), 'LABEL more=yes\n'), named)
  })

  test('is built again with another argument, without cache, for the cache of the node, and after it went from the store', async () => {
    for (const args of [['--build-arg', 'WHO=me'], ['--no-cache'], ['-o', 'type=cacheonly']]) {
      const output = args.includes('-o') ? [] : ['-o', `type=oci,dest=${join(folder, 'same')}`]
      const { code, stderr } = await xbuild(
        ['--builder', current, '--platform', NATIVE, '--network', 'host', ...output, ...named, ...args, context],
        { store },
      )
      expect(code, stderr).toBe(0)
      expect(stderr).not.toContain(TAKEN)
    }
    await again(named)
    // What else is built changes nothing
    expect((await again([...named, '--platform', 'linux/386'])).stderr).toContain(TAKEN)
    await madeAnew(() => xbuild(['prune', '--all', '--force'], { store }), named)
  })
})

describe('a stage that two nodes need', () => {
  test('is built once here, and handed over', async () => {
    const out = join(folder, 'shared')
    const { code, stderr } = await build(
      SHARED,
      ['local', current],
      [...TWO, '--no-cache', '-o', `type=local,dest=${out}`],
    )
    expect(code, stderr).toBe(0)
    const ids = [NATIVE, 'linux/386'].map((platform) =>
      readFileSync(join(out, platform.replace('/', '_'), 'id'), 'utf8'),
    )
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}\n$/)
    expect(ids[1]).toBe(ids[0])
  })

  test('is built by each where one cannot take it, and only there', async () => {
    const out = join(folder, 'unshared')
    const { code, stderr } = await build(
      SHARED,
      ['local', old.endpoint],
      [...TWO, '--no-cache', '-o', `type=local,dest=${out}`],
    )
    expect(code, stderr).toBe(0)
    const ids = [NATIVE, 'linux/386'].map((platform) =>
      readFileSync(join(out, platform.replace('/', '_'), 'id'), 'utf8'),
    )
    // Debian 12's Docker cannot, Debian 13's can
    const takesLayouts =
      Number(
        (await runOk('docker', ['-H', old.endpoint, 'version', '--format', '{{.Server.Version}}'])).split('.')[0],
      ) >= 23
    expect(ids[1] === ids[0]).toBe(takesLayouts)
  })

  test('fails both when it fails', async () => {
    const { code, stderr } = await build(SHARED.replace('RUN cat /proc', 'RUN exit 3 # '), ['local', current], TWO)
    expect(code).toBe(1)
    expect(stderr).toContain('exit code 3')
    expect(stderr).not.toContain('moves from')
  })
})

test('an image whose target: context no stage reads is built by the node, after the image that it names', async () => {
  const context = writeFiles(join(folder, 'unread'), {
    'a.txt': 'a',
    Dockerfile: 'FROM scratch\nCOPY a.txt /\n',
    'docker-bake.hcl': `
      group "default" { targets = ["one", "two"] }
      target "one" {}
      target "two" { contexts = { unread = "target:one" } }`,
  })
  const flags = [
    '--builder',
    current,
    '--no-cache',
    '--set',
    `*.platform=${NATIVE}`,
    '--set',
    '*.output=type=cacheonly',
  ]
  const { code, stderr } = await xbuild(['bake', '--progress=plain', ...flags], { cwd: context, store })
  expect(code, stderr).toBe(0)
  expect(stderr).not.toContain('handed over')
  expect(stderr).not.toContain('moves from')
})

test('a push that would be refused ends the build before it starts', async () => {
  const closed = await startRegistry({ auth: { username: 'somebody', password: 'else' } })
  try {
    const { code, stderr } = await build(EACH, ['local'], ['--platform', NATIVE, '-t', `${closed.host}/app`, '--push'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: Cannot push to/m)
    expect(stderr).not.toContain('RUN')
  } finally {
    await closed.stop()
  }
})
