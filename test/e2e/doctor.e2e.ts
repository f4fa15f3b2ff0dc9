import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ARCHITECTURES } from '../../src/emulation/architectures.ts'
import { findEmulators } from '../../src/emulation/emulators.ts'
import { findProgram } from '../../src/host/files.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { program, tempFolder } from './support/places.ts'
import { run, xbuild, type Ended } from './support/xbuild.ts'

const NAME = process.arch === 'arm64' ? 'amd64' : 'arm64'
const folder = tempFolder()
const user = ordinaryUser(folder)
const asRoot = process.getuid?.() === 0

interface Finding {
  readonly node: string
  readonly name: string
  readonly state: string
  readonly text: string
  readonly fix?: string
  readonly fixable: boolean
}

const findingsOf = ({ stdout }: Ended) => JSON.parse(stdout) as Finding[]
const about = (findings: readonly Finding[], name: string) => findings.find((finding) => finding.name === name)
const CHECKS = ['kernel', 'programs', 'namespaces', 'overlay', 'runtime', `linux/${NAME}`, 'handlers', 'disk', 'store']

/** A folder to be called in, and a store. */
function place(
  name: string,
  files: Readonly<Record<string, string>> = {},
): { readonly cwd: string; readonly store: string } {
  const cwd = join(folder, name)
  mkdirSync(cwd)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(cwd, path), text)
  return { cwd, store: join(folder, `${name}-store`) }
}

test('this machine builds: everything is looked at, and programs run in the sandbox', async () => {
  const ended = await xbuild(['doctor', '--json', '--platform', `linux/${NAME}`], place('well'))
  const findings = findingsOf(ended)
  expect(findings.filter(({ state }) => state === 'problem')).toEqual([])
  expect(ended.code).toBe(0)
  for (const name of CHECKS) expect(about(findings, name), name).toMatchObject({ node: 'local', fixable: false })
  expect(about(findings, `linux/${NAME}`)).toMatchObject({
    state: 'ok',
    text: expect.stringMatching(/^a program ran in the sandbox under qemu-/),
  })
  expect(about(findings, 'runtime')).toMatchObject({
    state: 'ok',
    text: expect.stringMatching(/runs containers, with a seccomp profile$/),
  })
  expect(about(findings, 'overlay')?.state).toBe('ok')
  expect(ended.stderr).toBe('')
})

test('an ordinary user is told the same, and of ids', async () => {
  const ended = await user.xbuild(['doctor', '--json'])
  const findings = findingsOf(ended)
  expect(findings.filter(({ state }) => state === 'problem')).toEqual([])
  expect(ended.code).toBe(0)
  for (const name of [...CHECKS, 'ids']) expect(about(findings, name)?.node, name).toBe('local')
  expect(about(findings, `linux/${NAME}`)?.text).toMatch(/^a program ran in the sandbox under /)
  expect(about(findings, 'ids')).toMatchObject({ state: 'ok', text: '65537 ids for the users inside of images' })
})

test('what cannot run is a problem when it is wanted, and an emulator that runs nothing always', async () => {
  const at = place('broken')
  const [other] = await findEmulators(
    process.env,
    ARCHITECTURES.filter(({ name }) => name === 'riscv64'),
  )
  const wrong = join(at.cwd, `${ARCHITECTURES.find(({ name }) => name === NAME)!.qemu}-static`)
  copyFileSync(other!.path, wrong) // starts, and runs programs of another CPU
  const ended = await xbuild(['doctor', '--platform', 'windows/amd64'], {
    ...at,
    env: { PATH: `${at.cwd}:${process.env['PATH']}` },
  })
  expect(ended.stdout).toMatch(
    new RegExp(
      `^ {2}problem {2}linux/${NAME} +a program did not run in the sandbox under ${wrong}: .*\n +fix: Check that it starts: ${wrong} --version`,
      'm',
    ),
  )
  expect(ended.stdout).toMatch(
    /^ {2}problem {2}windows\/amd64 +there is no emulator for such programs\n +fix: Add a node/m,
  )
  expect(ended.stdout).toMatch(/\n\n2 problems, \d+ warnings?\n$/)
  expect(ended.code).toBe(1)
})

const servers: Server[] = []
afterAll(() => servers.forEach((server) => server.close()))

async function listen(server: Server): Promise<string> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('nodes and registries are asked at once, and none holds up the others', async () => {
  const silent = await listen(createServer((socket) => socket.on('error', () => undefined)))
  const registry = await listen(
    createHttpServer((_, response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end()),
  )
  const other = await listen(createHttpServer((_, response) => response.writeHead(500).end()))
  const at = place('away', {
    Dockerfile: `ARG FROM=${registry}/base\nFROM $FROM\nCOPY --from=${silent}/tools /a /\n`,
    'xbuild.yaml': `nodes: {board: "tcp://${silent}", gone: "tcp://127.0.0.1:1"}\nregistries: {"${other}": {mirrors: ["${registry}"]}}\n`,
  })
  const started = Date.now()
  const ended = await xbuild(['doctor', '--json', '--config', 'xbuild.yaml'], at)
  expect(Date.now() - started).toBeLessThan(30_000)
  const findings = findingsOf(ended)
  expect(about(findings, registry)).toMatchObject({
    state: 'ok',
    text: expect.stringMatching(/^it answered after \d+ ms$/),
  })
  expect(about(findings, silent)).toMatchObject({ state: 'problem', text: `${silent} did not answer within 2 s` })
  expect(about(findings, other)).toMatchObject({
    state: 'warning',
    text: expect.stringMatching(
      new RegExp(`^${other} answered with HTTP status 500.*; mirror ${registry} answered after`),
    ),
  })
  expect(findings.filter(({ name }) => name === 'node')).toEqual([
    expect.objectContaining({ node: 'board', state: 'problem', text: expect.stringContaining('no answer within 2 s') }),
    expect.objectContaining({ node: 'gone', state: 'problem' }),
  ])
  expect(ended.code).toBe(1)
  const named = await xbuild(['doctor', '--json', '--config', 'xbuild.yaml', `${registry}/a/b:1`], at)
  expect(about(findingsOf(named), silent)).toBeUndefined() // only those that were named
  expect(about(findingsOf(named), registry)?.state).toBe('ok')
})

test('a store that was touched is hashed by --fix, one that cannot be read is a problem', async () => {
  const at = place('touched')
  await xbuild(['du'], at)
  const blobs = join(at.store, 'blobs/sha256')
  const [good, bad] = ['good', 'bad'].map((text) => createHash('sha256').update(text).digest('hex'))
  writeFileSync(join(blobs, good!), 'good')
  writeFileSync(join(blobs, bad!), 'not what its name says')
  const before = await xbuild(['doctor', '--json'], at)
  expect(about(findingsOf(before), 'store')).toMatchObject({
    state: 'warning',
    fixable: true,
    text: expect.stringMatching(/^2 of 2 blobs/),
  })
  const after = await xbuild(['doctor', '--json', '--fix'], at)
  expect(after.stderr).toBe(
    `Hashing 2 blobs in ${at.store}\nRemoved 1 with wrong content; builds download or make them again\n`,
  )
  expect(about(findingsOf(after), 'store')?.state).toBe('ok')
  expect(readdirSync(blobs)).toEqual([good])
  writeFileSync(join(at.store, 'format'), '99\n')
  const other = await xbuild(['doctor', '--json'], at)
  expect(findingsOf(other)).toEqual([
    expect.objectContaining({ name: 'store', state: 'problem', text: expect.stringContaining('format "99"') }),
  ])
  expect(other.code).toBe(1)
  const nowhere = await xbuild(['doctor', '--store', '/proc/xbuild'], at) // where no folder can be made
  expect(nowhere.stdout).toMatch(/^ {2}problem {2}store {2}Cannot make the store "\/proc\/xbuild": /m)
})

if (!asRoot) console.warn('Skipped: packages that are missing, stores on other file systems: not root')

test.skipIf(!asRoot)(
  'a store on a file system that carries no overlay, one that is full, one that is read-only',
  async () => {
    const at = place('disks')
    for (const name of ['l', 'u', 'w', 'm']) mkdirSync(join(at.cwd, name))
    const on = async (...mount: string[]) => {
      const script = 'cd "$1"; shift; mount "$1" m -o "$2" -t "$1"; shift 2; XBUILD_HOME=$PWD/m exec "$@"'
      return findingsOf(
        await run('unshare', [
          '--mount',
          '--propagation',
          'private',
          '/bin/sh',
          '-c',
          script,
          'sh',
          at.cwd,
          ...mount,
          process.execPath,
          program,
          'doctor',
          '--json',
        ]),
      )
    }
    expect(about(await on('overlay', 'lowerdir=l,upperdir=u,workdir=w'), 'overlay')).toMatchObject({
      state: 'problem',
      text: expect.stringContaining('does not work: '),
      fix: expect.stringContaining('ext4'),
    })
    expect(about(await on('tmpfs', 'size=2m'), 'disk')).toMatchObject({
      state: 'problem',
      fix: expect.stringContaining('xbuild prune'),
    })
    expect(await on('tmpfs', 'ro')).toEqual([
      expect.objectContaining({ name: 'store', state: 'problem', text: expect.stringContaining('read-only') }),
    ])
  },
)

test.skipIf(!asRoot)('--fix installs what is missing, and looks again', async () => {
  const at = place('bare')
  const runtimes = (await Promise.all(['crun', 'runc', 'youki'].map((name) => findProgram(name)))).filter(
    (path) => path !== undefined,
  )
  // In a mount namespace the runtimes are hidden, and what takes the place of apt-get brings them back
  const apt = join(at.cwd, 'apt-get')
  writeFileSync(apt, `#!/bin/sh\necho "installing: $*"\numount ${runtimes.join(' ')}\n`)
  chmodSync(apt, 0o755)
  writeFileSync(join(at.cwd, 'nothing'), '')
  const script = `set -e; for path in ${runtimes.join(' ')}; do mount --bind ${at.cwd}/nothing "$path"; done; exec "$@"`
  const doctor = (...args: string[]) =>
    run(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        '/bin/sh',
        '-c',
        script,
        'sh',
        process.execPath,
        program,
        'doctor',
        '--json',
        ...args,
      ],
      { ...at, env: { PATH: `${at.cwd}:${process.env['PATH']}` } },
    )
  const without = await doctor()
  expect(without.code).toBe(1)
  expect(about(findingsOf(without), 'programs')).toMatchObject({
    state: 'problem',
    fixable: true,
    text: expect.stringMatching(/^crun or runc or youki is not installed/),
    fix: 'Install it: sudo apt-get install runc',
  })
  expect(about(findingsOf(without), 'runtime')).toMatchObject({ state: 'problem' })
  const mended = await doctor('--fix')
  expect(mended.stderr).toBe(
    'Running: apt-get install -y --no-install-recommends runc\ninstalling: install -y --no-install-recommends runc\n',
  )
  expect(findingsOf(mended).filter(({ state }) => state === 'problem')).toEqual([])
  expect(mended.code).toBe(0)
  expect(runtimes.every((path) => existsSync(path))).toBe(true)
})
