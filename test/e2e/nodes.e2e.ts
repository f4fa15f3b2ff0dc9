import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatPlatform, platformOfNodeArch } from '../../src/platform.ts'
import { startDockerd, startPodman, startSshd, type Daemon, type Dockerd, type Sshd } from '../support/daemons.ts'
import { answerAlways, exposeBuildkit, listenSilently, type Buildkitd } from '../support/stand-ins.ts'
import { baseLayer } from './support/base-layer.ts'
import { runImage, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { tempFolder } from './support/places.ts'
import { run, runOk, startXbuild, xbuild, type Ended } from './support/xbuild.ts'

/** Whoever runs the tests is let in by the ssh server that they start. */
const USER = userInfo().username
const NATIVE = formatPlatform(platformOfNodeArch(process.arch))
const FOREIGN = NATIVE === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const BASE = 'FROM scratch\nADD base.tar.gz /\n'

const folder = tempFolder()
const store = join(folder, 'store')
let layer: string
let docker: Dockerd
let classic: Dockerd
let podman: Daemon
let sshd: Sshd
let bare: Buildkitd
let secure: Buildkitd

beforeAll(async () => {
  layer = await baseLayer()
  ;[docker, classic, podman, sshd] = await Promise.all([
    startDockerd({ tls: true }),
    startDockerd({ config: { features: { buildkit: false } } }),
    startPodman(),
    startSshd(),
  ])
  ;[bare, secure] = await Promise.all([
    exposeBuildkit(docker.socket),
    exposeBuildkit(docker.socket, { certificates: docker.tls!.certificates }),
  ])
})

afterAll(async () => {
  await Promise.all([bare?.stop(), secure?.stop()])
  await Promise.all([docker?.stop(), classic?.stop(), podman?.stop(), sshd?.stop()])
})

let cases = 0

/** A context with the base layer, this Dockerfile and these files. */
function contextOf(dockerfile: string, files: Readonly<Record<string, string>> = {}): string {
  const context = writeFiles(join(folder, `context-${++cases}`), { Dockerfile: dockerfile, ...files })
  copyFileSync(layer, join(context, 'base.tar.gz'))
  return context
}

/** The environment of a user of his own. */
function home(name = `home-${++cases}`): Record<string, string> {
  mkdirSync(join(folder, name), { recursive: true })
  return { HOME: join(folder, name), DOCKER_CONFIG: join(folder, name, '.docker') }
}

interface Built extends Ended {
  readonly out: string
}

async function build(
  args: readonly string[],
  dockerfile: string,
  { env = {}, files = {} }: { env?: Readonly<Record<string, string>>; files?: Readonly<Record<string, string>> } = {},
): Promise<Built> {
  const out = join(folder, `out-${++cases}`)
  const ended = await xbuild(
    ['--network', 'host', '-o', `type=oci,dest=${out}`, ...args, contextOf(dockerfile, files)],
    { store, env: { ...home(), ...env } },
  )
  return { ...ended, out }
}

/** What a file of the image says, once the build was seen to be good. */
async function content({ code, stderr, out }: Built, path: string): Promise<string> {
  expect(code, stderr).toBe(0)
  return (await runImage(out, NATIVE, ['/bin/cat', path])).stdout
}

describe('ways to an engine', () => {
  const DOCKERFILE = `${BASE}ARG WAY\nCOPY file /file\nRUN echo "$WAY $(cat /file)" > /out`
  const built = async (way: string, env: Readonly<Record<string, string>> = {}) =>
    content(
      await build(
        ['--builder', way, '--build-arg', `WAY=${createHash('sha256').update(way).digest('hex')}`],
        DOCKERFILE,
        { env, files: { file: 'text' } },
      ),
      '/out',
    )
  const expected = (way: string) => `${createHash('sha256').update(way).digest('hex')} text\n`

  test('a socket', async () => {
    expect(await built(docker.endpoint)).toBe(expected(docker.endpoint))
  })

  test('TLS with a certificate of the client', async () => {
    const way = `${docker.tls!.endpoint}?certs=${docker.tls!.certificates}`
    expect(await built(way)).toBe(expected(way))
  })

  test('ssh, all connections over one login', async () => {
    const way = `ssh://${USER}@${sshd.host}${docker.socket}`
    const temporary = join(folder, 'ssh-tmp')
    mkdirSync(temporary)
    expect(await built(way, { ...sshd.env, TMPDIR: temporary })).toBe(expected(way))
    expect(readdirSync(temporary).filter((name) => name.startsWith('xbuild-ssh-'))).toEqual([])
  })

  test('ssh, and tests of the image run there', async () => {
    const way = `ssh://${USER}@${sshd.host}${docker.socket}`
    // Nothing that runs steps is here: what runs, runs there
    const env = { ...sshd.env, PATH: sshd.env['PATH']!.split(':')[0]! }
    const tested = (...commands: string[]) =>
      build(
        ['--builder', way, '--platform', NATIVE, ...commands.flatMap((command) => ['--test', command])],
        DOCKERFILE,
        { env, files: { file: 'text' } },
      )
    const good = await tested('test "$(cat /out)" = " text" && echo "good $(id -u)"', '["/bin/cat", "/out"]')
    expect(good.code, good.stderr).toBe(0)
    expect(good.stderr).toMatch(/good 0$/m)
    const bad = await tested('echo no >&2; exit 7')
    expect(bad.code).toBe(1)
    expect(bad.stderr).toContain(`Cannot publish: test "echo no >&2; exit 7" of ${NATIVE} failed with exit code 7`)
    expect(existsSync(bad.out)).toBe(false)
  })

  test('ssh by a name that ~/.ssh/config knows', async () => {
    const way = `ssh://xbuild-test-host${docker.socket}`
    expect(await built(way, sshd.env)).toBe(expected(way))
  })

  test('ssh to a machine that has no client program, and to one that forwards no sockets', async () => {
    const bin = join(folder, 'few-programs')
    mkdirSync(bin)
    for (const program of ['sh', 'cat', 'grep']) symlinkSync(`/bin/${program}`, join(bin, program))
    for (const options of [{ path: bin }, { forwards: false }]) {
      const server = await startSshd(options)
      try {
        expect(await inspect(`ssh://${USER}@${server.host}${docker.socket}`, server.env)).toMatchObject({
          status: 'ready',
          driver: 'buildkit',
        })
      } finally {
        await server.stop()
      }
    }
  })

  test('a bare BuildKit on a port', async () => {
    const way = `tcp://127.0.0.1:${bare.port}`
    // BuildKit inside of an old Docker gives nothing out: what a buildkitd can do, the daemon behind this port cannot
    const { code, stderr } = await build(['--builder', way], DOCKERFILE, { files: { file: 'text' } })
    expect([code, stderr]).toEqual([1, expect.stringContaining(`Cannot take results from "${way}"`)])
    expect(await inspect(way)).toMatchObject({
      status: 'ready',
      driver: 'buildkit',
      version: expect.stringMatching(/^BuildKit /),
      native: expect.arrayContaining([NATIVE]),
    })
  })

  test('a BuildKit behind mTLS', async () => {
    const way = `tcp://127.0.0.1:${secure.port}`
    expect(await inspect(`${way}?certs=${docker.tls!.certificates}`)).toMatchObject({
      status: 'ready',
      driver: 'buildkit',
    })
    expect(await inspect(`${way}?ca=${docker.tls!.certificates}/ca.pem`)).toMatchObject({
      status: 'lost',
      because: expect.stringContaining('rejected the client certificate'),
    })
    expect(await inspect(`${way}?tls=true`)).toMatchObject({
      status: 'lost',
      because: expect.stringContaining('certificate is not trusted'),
    })
  })

  test('a Docker context, and DOCKER_HOST with certificates', async () => {
    const env = home()
    const id = createHash('sha256').update('lab').digest('hex')
    writeFiles(env['HOME']!, {
      [`.docker/contexts/meta/${id}/meta.json`]: JSON.stringify({
        Name: 'lab',
        Endpoints: { docker: { Host: docker.endpoint } },
      }),
    })
    expect(await built('lab', env)).toBe(expected('lab'))
    const tls = {
      DOCKER_HOST: docker.tls!.endpoint,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: docker.tls!.certificates,
    }
    // Several times: node once ended the program now and then, when HTTP/2 wrote past the queue of a TLS socket
    for (let round = 0; round < 4; round++) {
      const { code, stdout, stderr } = await xbuild(['node', 'ls', '--json', '--timeout', '10s'], {
        store,
        env: { ...home(), ...tls },
      })
      expect(code, stderr).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject([
        { name: 'local', used: true },
        { name: 'docker-host', origin: 'DOCKER_HOST', used: true, status: 'ready' },
      ])
    }
  })

  test('kubectl is told which pod, and carries the connection', async () => {
    const bin = join(folder, 'kubectl')
    writeFiles(bin, {
      kubectl: `#!/bin/sh\necho "$*" >>${bin}/asked\nexec ${process.execPath} -e 'const s = require("net").connect(${bare.port}, "127.0.0.1"); process.stdin.pipe(s).pipe(process.stdout)'\n`,
    })
    chmodSync(join(bin, 'kubectl'), 0o755)
    const env = { PATH: `${bin}:${process.env['PATH']}` }
    expect(await inspect('kube-pod://builder-0?namespace=ci&container=buildkitd', env)).toMatchObject({
      status: 'ready',
      driver: 'buildkit',
    })
    expect(readFileSync(join(bin, 'asked'), 'utf8').split('\n')[0]).toBe(
      '--namespace=ci exec -i builder-0 --container=buildkitd -- buildctl dial-stdio',
    )
    writeFileSync(
      join(bin, 'kubectl'),
      '#!/bin/sh\necho \'Error from server (NotFound): pods "builder-0" not found\' >&2\nexit 1\n',
    )
    expect(await inspect('kube-pod://builder-0', env)).toMatchObject({
      status: 'lost',
      because: expect.stringContaining('pods "builder-0" not found'),
    })
  })

  test('a container that is made from an image at first use', async () => {
    const env = { ...home(), DOCKER_HOST: docker.endpoint }
    const name = `xbuild-test-${process.pid}`
    const way = `docker-container://${name}?image=buildkit-stand-in:1&network=host`
    // buildctl carries bytes to a BuildKit, as the real one does
    const buildctl = `#!/bin/sh\nif [ "$1" = debug ]; then echo ready; else exec nc 127.0.0.1 ${bare.port}; fi\n`
    const context = contextOf(`${BASE}COPY --chown=0:0 buildctl /bin/buildctl\nENTRYPOINT ["/bin/sleep", "1000"]\n`, {
      buildctl,
    })
    chmodSync(join(context, 'buildctl'), 0o755)
    const image = await xbuild(['--builder', 'local', '-t', 'buildkit-stand-in:1', '--load', context], { store, env })
    expect(image.code, image.stderr).toBe(0)
    try {
      expect(await inspect(way, env)).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('its container does not exist'),
      })
      // It is made as buildx makes it, with all rights; whether a container may have them is this machine's matter
      const plan = () =>
        xbuild(['plan', '--builder', way, '--json', contextOf(DOCKERFILE, { file: 'text' })], { store, env })
      await plan()
      const state = JSON.parse(await runOk('docker', ['-H', docker.endpoint, 'inspect', name])) as {
        HostConfig: { Privileged: boolean; NetworkMode: string }
        Mounts: { Name: string; Destination: string }[]
      }[]
      expect(state[0]).toMatchObject({
        HostConfig: { Privileged: true, NetworkMode: 'host' },
        Mounts: [{ Name: `${name}_state`, Destination: '/var/lib/buildkit' }],
      })
      await runOk('docker', ['-H', docker.endpoint, 'rm', '-f', '-v', name])
      // One that does not run is started
      await runOk('docker', [
        '-H',
        docker.endpoint,
        'create',
        '--name',
        name,
        '--network',
        'host',
        'buildkit-stand-in:1',
      ])
      expect(await inspect(way, env)).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('its container is not running'),
      })
      const planned = await plan()
      expect(planned.code, planned.stderr).toBe(0)
      expect(
        (JSON.parse(planned.stdout) as { jobs: { decision: { strategy: { node: string } } }[] }).jobs[0]!.decision
          .strategy.node,
      ).toBe(`docker-container://${name}`)
      expect(await inspect(way, env)).toMatchObject({ status: 'ready', driver: 'buildkit' })
    } finally {
      await run('docker', ['-H', docker.endpoint, 'rm', '-f', '-v', name])
    }
  })
})

interface Inspected {
  readonly status: string
  readonly native?: readonly string[]
}

async function inspect(way: string, env: Readonly<Record<string, string>> = {}): Promise<Inspected> {
  const { stdout, stderr } = await xbuild(['node', 'inspect', way, '--json'], { store, env: { ...home(), ...env } })
  expect(stdout, stderr).not.toBe('')
  return (JSON.parse(stdout) as Inspected[])[0]!
}

describe('xbuild node', () => {
  test('ls asks all at once; what is dead, frozen or something else holds up nobody', async () => {
    const env = { ...home(), ...sshd.env }
    const frozen = await startDockerd()
    const silent = await listenSilently()
    const socket = join(folder, 'garbage.sock')
    const garbage = await answerAlways(socket, Buffer.from('what is it?\n'))
    try {
      const nodes = {
        docker: docker.endpoint,
        classic: classic.endpoint,
        podman: podman.endpoint,
        frozen: frozen.endpoint,
        garbage: `unix://${socket}`,
        dead: 'tcp://127.0.0.1:1',
        gone: `unix://${join(folder, 'gone.sock')}`,
        ssh: `ssh://${USER}@${sshd.host}${docker.socket}`,
        stranger: `ssh://nobody@${sshd.host}`,
        silent: `ssh://127.0.0.1:${silent.port}`,
      }
      for (const [name, endpoint] of Object.entries(nodes))
        expect((await xbuild(['node', 'add', name, endpoint], { env })).code).toBe(0)
      frozen.freeze()
      const listed = async (...args: string[]) => {
        const { code, stdout, stderr } = await xbuild(['node', 'ls', '--json', ...args], { store, env })
        expect(code, stderr).toBe(0)
        return new Map(
          (
            JSON.parse(stdout) as {
              name: string
              status: string
              because?: string
              driver?: string
              version?: string
            }[]
          ).map((node) => [node.name, node]),
        )
      }
      const first = await listed()
      for (const name of ['frozen', 'silent'])
        expect(first.get(name)).toMatchObject({
          status: 'lost',
          because: expect.stringContaining('no answer within 2 s'),
        })
      // A busy machine may need longer than that to ask the others
      const started = Date.now()
      const found = await listed('--timeout', '10s')
      expect(Date.now() - started).toBeLessThan(60_000)
      expect(found.get('docker')).toMatchObject({
        status: 'ready',
        driver: 'buildkit',
        version: expect.stringMatching(/^Docker Engine 2\d\./),
        slots: 4,
        used: false,
        cache: expect.any(Number),
      })
      expect(found.get('classic')).toMatchObject({
        status: 'ready',
        driver: 'docker',
        version: expect.stringMatching(/^Docker Engine/),
      })
      expect(found.get('podman')).toMatchObject({
        status: 'ready',
        driver: 'docker',
        version: expect.stringMatching(/^Podman/),
      })
      expect(found.get('frozen')).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('no answer within 10 s'),
      })
      expect(found.get('garbage')).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('neither Docker Engine nor BuildKit'),
      })
      expect(found.get('dead')).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('connection refused'),
      })
      expect(found.get('gone')).toMatchObject({
        status: 'lost',
        because: expect.stringContaining('no such socket'),
      })
      expect(found.get('stranger')).toMatchObject({ status: 'lost' })
      const table = (await xbuild(['node', 'ls'], { store, env })).stdout
      expect(table).toMatch(/^NAME +ENDPOINT +DRIVER +VERSION +NATIVE +EMULATED +LOAD +CACHE$/m)
      expect(table).toMatch(/^local\* /m)
      expect(table).toMatch(/^frozen: Cannot reach node /m)
    } finally {
      frozen.thaw()
      await Promise.all([garbage.stop(), frozen.stop(), silent.stop()])
    }
  })

  test('programs of other platforms really run before a node is said to run them', async () => {
    for (const daemon of [docker, classic, podman]) {
      const report = (await inspect(daemon.endpoint)) as Inspected & {
        emulated: { platform: string; status: string; reason?: string }[]
      }
      // Whether this machine has handlers for other CPUs is its own matter: what runs here runs there
      const expected = existsSync('/proc/sys/fs/binfmt_misc/qemu-riscv64') ? 'ready' : 'missing'
      expect(report.emulated.find(({ platform }) => platform === 'linux/riscv64')).toMatchObject({ status: expected })
      if (NATIVE === 'linux/amd64') expect(report.native).toContain('linux/386')
    }
  })

  test('use lets a node take part in every build; rm ends that', async () => {
    const env = home()
    expect(
      (await xbuild(['node', 'add', 'board', docker.endpoint, '--platform', NATIVE, '--slots', '2', '--use'], { env }))
        .code,
    ).toBe(0)
    const plan = async () =>
      (await xbuild(['plan', '--network', 'host', contextOf(`${BASE}RUN true`)], { store, env })).stdout
    expect(await plan()).toContain('board')
    expect(await inspect('board', env)).toMatchObject({
      name: 'board',
      used: true,
      slots: 2,
      origin: join(env['HOME']!, '.config/xbuild/nodes.json'),
    })
    expect((await xbuild(['node', 'use', 'local'], { env })).code).toBe(0)
    expect(await plan()).not.toContain('board')
    expect((await xbuild(['node', 'use', 'boart'], { env })).stderr).toContain('Did you mean "board"?')
    expect((await xbuild(['node', 'rm', 'board'], { env })).code).toBe(0)
    expect((await xbuild(['node', 'rm', 'board'], { env })).code).toBe(1)
  })

  test('nodes of xbuild.yaml take part, and --builder leaves them out', async () => {
    const context = contextOf(`${BASE}RUN true`, {
      'xbuild.yaml': `nodes:\n  yard: ${docker.endpoint}\n  gone: unix://${folder}/gone.sock\n`,
    })
    const all = await xbuild(['plan', '--config', 'xbuild.yaml', '.'], { cwd: context, store, env: home() })
    expect(all.stdout).toContain('yard')
    expect(all.stderr).toContain('Building without gone: ')
    const one = await xbuild(['plan', '--config', 'xbuild.yaml', '--node', 'local', '.'], {
      cwd: context,
      store,
      env: home(),
    })
    expect([one.code, one.stderr]).toEqual([0, ''])
    expect(one.stdout).not.toContain('yard')
  })
})

describe.each([
  ['Docker Engine with BuildKit switched off', () => classic],
  ['Podman', () => podman],
])('an engine without BuildKit: %s', (_, engine) => {
  const options = () => ['--builder', engine().endpoint]

  test('builds what its builder can, from the context that .dockerignore leaves', async () => {
    const dockerfile = `FROM scratch AS base\nADD base.tar.gz /\nARG TARGETARCH\nARG GREETING=hello\nRUN echo "$GREETING $TARGETARCH" > /out\nFROM base\nCOPY . /ctx\nRUN ls -A /ctx > /list\nLABEL a=b\nCMD ["/bin/sh"]`
    const files = {
      '.dockerignore': '*.log\nbase.tar.gz.bak\n',
      'a.txt': 'a',
      'b.log': 'b',
      'sub/c.log': 'c',
      'sub/d': 'd',
    }
    const built = await build([...options(), '--build-arg', 'GREETING=good day', '--label', 'x=y'], dockerfile, {
      files,
    })
    expect(await content(built, '/out')).toBe(`good day ${NATIVE.split('/')[1]}\n`)
    expect((await content(built, '/list')).trim().split('\n').sort()).toEqual([
      '.dockerignore',
      'Dockerfile',
      'a.txt',
      'base.tar.gz',
      'sub',
    ])
    expect(await content(built, '/ctx/sub/d')).toBe('d')
    const config = await configOf(built.out)
    expect(config).toMatchObject({ os: 'linux', config: { Labels: { a: 'b', x: 'y' }, Cmd: ['/bin/sh'] } })
    expect(built.stderr).toMatch(/^#\d+ \[.*RUN echo/m)
    expect(await temporaryImages(engine())).toEqual([])
    expect(await leftovers(store)).toEqual(CLEAN)
  })

  test('builds from a Dockerfile that is not in the context, which COPY does not see', async () => {
    const file = join(folder, `Dockerfile-${++cases}`)
    writeFileSync(
      file,
      `FROM --platform=$TARGETPLATFORM scratch\nADD base.tar.gz /\nCOPY . /ctx\nRUN ls -A /ctx > /list\n`,
    )
    const built = await build([...options(), '-f', file], 'FROM nothing')
    expect((await content(built, '/list')).trim().split('\n').sort()).toEqual(['Dockerfile', 'base.tar.gz'])
  })

  test('names the line and the status of a step that fails, with its last words', async () => {
    const built = await build(options(), `${BASE}\nRUN echo so far so good; \\\n  exit 7\n`)
    expect(built.code).toBe(1)
    expect(built.stderr).toMatch(/error: Cannot run "echo so far so good; +exit 7": exit code 7\n.*Dockerfile:4/s)
    expect(built.stderr).toContain('so far so good')
  })

  test('refuses before anything is sent what its builder does not do, and says so', async () => {
    for (const [line, what] of [
      ['RUN <<END\ntrue\nEND', 'a heredoc'],
      ['COPY --exclude=b . /x', 'COPY --exclude'],
      ['RUN --mount=type=secret,id=a true', 'RUN --mount'],
    ] as const) {
      const { code, stderr } = await build(options(), `${BASE}${line}\n`)
      expect(code).toBe(1)
      expect(stderr).toContain(what)
      expect(stderr).toContain(engine().endpoint)
      expect(stderr).toContain('Dockerfile:3')
    }
  })

  test('gives no image of another platform for the one that was asked for', async () => {
    const built = await build([...options(), '--platform', FOREIGN], 'FROM scratch\nCOPY a.txt /a.txt\nLABEL a=b\n', {
      files: { 'a.txt': 'a' },
    })
    expect(built.code, built.stderr).toBe(0)
    expect((await configOf(built.out)).architecture).toBe(FOREIGN.split('/')[1])
  })

  test('stops when asked to, and leaves no image', async () => {
    const marker = `7${String(process.pid).padStart(6, '0')}`
    const started = startXbuild(
      ['--network', 'host', ...options(), contextOf(`${BASE}RUN echo begun; sleep ${marker}\n`)],
      { store, env: home() },
    )
    await started.printed(/begun/)
    started.child.kill('SIGINT')
    expect((await started.ended).code).toBe(130)
    // Podman lets a step that runs come to its end: only Docker's own builder can be told
    if (engine() === classic) await gone(`sleep ${marker}`)
    expect(await temporaryImages(engine())).toEqual([])
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})

test('Podman and Docker Engine as nodes of one build', async () => {
  const out = join(folder, `out-${++cases}`)
  const context = contextOf(`FROM scratch\nCOPY a.txt /a.txt\n`, { 'a.txt': 'a' })
  const { code, stderr } = await xbuild(
    [
      '--builder',
      `${podman.endpoint},${docker.endpoint}`,
      '--platform',
      `${NATIVE},${FOREIGN}`,
      '-o',
      `type=oci,dest=${out}`,
      context,
    ],
    { store, env: home() },
  )
  expect(code, stderr).toBe(0)
  const index = JSON.parse(await runOk('skopeo', ['inspect', '--raw', `oci:${out}`])) as {
    manifests: { platform: { architecture: string } }[]
  }
  expect(index.manifests.map(({ platform }) => `linux/${platform.architecture}`)).toEqual([NATIVE, FOREIGN])
})

describe('into a Docker Engine', () => {
  const image = (name: string, args: readonly string[]) => [
    '--builder',
    'local',
    '--audit=off', // the base has programs of this machine's platform alone
    '-t',
    name,
    ...args,
    contextOf(`${BASE}COPY a.txt /a.txt\nCMD ["/bin/cat", "/a.txt"]\n`, { 'a.txt': 'loaded\n' }),
  ]
  const runThere = (name: string) => runOk('docker', ['-H', docker.endpoint, 'run', '--rm', '--network', 'none', name])

  test('--load: an old image store holds one platform, and xbuild says which', async () => {
    const { code, stderr } = await xbuild(
      image('xbuild-test-load:1', ['--platform', `${NATIVE},${FOREIGN}`, '--load']),
      { store, env: { ...home(), DOCKER_HOST: docker.endpoint } },
    )
    expect(code, stderr).toBe(0)
    expect(stderr).toContain(`so only ${NATIVE} is loaded`)
    expect(stderr).toMatch(/loaded into .* as xbuild-test-load:1/)
    expect(await runThere('xbuild-test-load:1')).toBe('loaded\n')
  })

  test('--load of another platform alone, and of none that fits', async () => {
    const env = { ...home(), DOCKER_HOST: docker.endpoint }
    expect((await xbuild(image('xbuild-test-load:2', ['--platform', FOREIGN, '--load']), { store, env })).code).toBe(0)
    expect(
      (
        JSON.parse(await runOk('docker', ['-H', docker.endpoint, 'image', 'inspect', 'xbuild-test-load:2'])) as {
          Architecture: string
        }[]
      )[0]!.Architecture,
    ).toBe(FOREIGN.split('/')[1])
    const { code, stderr } = await xbuild(
      image('xbuild-test-load:3', ['--platform', `${FOREIGN},linux/riscv64`, '--load']),
      { store, env },
    )
    expect([code, stderr]).toEqual([2, expect.stringContaining('its image store holds one platform')])
  })

  test.each([[[]], [['--provenance=mode=min']]])(
    'type=docker,dest %j: docker load and skopeo read it',
    async (more) => {
      const file = join(folder, 'image.tar')
      expect(
        (await xbuild(image('xbuild-test-load:4', [...more, '-o', `type=docker,dest=${file}`]), { store, env: home() }))
          .code,
      ).toBe(0)
      await runOk('docker', ['-H', docker.endpoint, 'load', '-i', file])
      expect(await runThere('xbuild-test-load:4')).toBe('loaded\n')
      expect(JSON.parse(await runOk('skopeo', ['inspect', `docker-archive:${file}`]))).toMatchObject({
        Architecture: NATIVE.split('/')[1],
      })
    },
  )

  test('without an engine: known before the build', async () => {
    const { code, stderr } = await xbuild(image('xbuild-test-load:5', ['--load']), {
      store,
      env: { ...home(), DOCKER_HOST: `unix://${folder}/gone.sock` },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('no such socket')
    expect(stderr).not.toMatch(/^#1 /m)
  })

  test('Podman loads it, too', async () => {
    const { code, stderr } = await xbuild(image('localhost/xbuild-test-load:6', ['--load']), {
      store,
      env: { ...home(), DOCKER_HOST: podman.endpoint },
    })
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/loaded into .* as localhost\/xbuild-test-load:6/)
  })
})

interface Config {
  readonly architecture: string
  readonly config: Readonly<Record<string, unknown>>
}

async function configOf(layout: string): Promise<Config> {
  return JSON.parse(await runOk('skopeo', ['inspect', '--config', '--raw', `oci:${layout}`])) as Config
}

/** Images of builds that an engine still has under the names that builds give them. */
async function temporaryImages(daemon: Daemon): Promise<string[]> {
  const names = await runOk('docker', ['-H', daemon.endpoint, 'images', '--format', '{{.Repository}}:{{.Tag}}'])
  return names.split('\n').filter((name) => name.includes('xbuild-temporary'))
}

/** Waits until no program runs with this in its command line. */
async function gone(command: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { stdout } = await run('ps', ['-eo', 'args'])
    if (!stdout.split('\n').some((line) => line.trim() === command)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`still running: ${command}`)
}
