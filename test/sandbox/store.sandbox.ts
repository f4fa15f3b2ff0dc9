import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { tempFolder } from '../e2e/support/places.ts'
import { run, startXbuild, xbuild } from '../e2e/support/xbuild.ts'
import { createSandbox, MODES } from './support/modes.ts'

const asRoot = process.getuid?.() === 0
if (!asRoot) console.warn('Skipped: what another user can do to the store: not root')

const folder = tempFolder()
if (asRoot) chmodSync(folder, 0o755)
const sandbox = createSandbox(folder)

/** A shell script as a user who has nothing to do with the build. */
const asStranger = (script: string, ...args: string[]) =>
  run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', '--', 'sh', '-c', script, 'sh', ...args])

describe.skipIf(!asRoot)('while a step runs, another user', () => {
  const base = baseLayout('busybox')
  const running: { kill(): void }[] = []
  afterAll(() => running.forEach((one) => one.kill()))

  test.each(['linux/amd64', 'linux/arm64'])('cannot read, list or change the store (%s)', async (platform) => {
    const store = join(folder, `store-${platform.split('/')[1]}`)
    mkdirSync(store)
    chmodSync(store, 0o755) // as an older version left it
    const context = writeFiles(join(folder, `context-${platform.split('/')[1]}`), {
      Dockerfile: 'FROM busybox\nRUN echo started; while [ ! -e /dev/shm/stop ]; do sleep 1; done\n',
    })
    const build = startXbuild(
      ['--progress=plain', '--platform', platform, '--build-context', `busybox=oci-layout://${await base}`, context],
      { store },
    )
    running.push({ kill: () => build.child.kill('SIGKILL') })
    await build.printed(/ started$/m)
    const [scratch] = readdirSync(join(store, 'tmp')).filter((name) =>
      existsSync(join(store, 'tmp', name, 'config.json')),
    )
    const config = join(store, 'tmp', scratch!, 'config.json')
    expect(statSync(config).mode & 0o777).toBe(0o600)
    const { stdout } = await asStranger(
      `mv "$1" "$1.stolen" 2>/dev/null && echo moved
       cat "$1" 2>/dev/null && echo read
       for f in "$2" "$2"/tmp "$2"/snapshots "$2"/blobs/sha256 "$2"/records "$2"/leases; do
         ls "$f" 2>/dev/null && echo "listed $f"; : 2>/dev/null >"$f/new" && echo "wrote $f"
       done; true`,
      config,
      store,
    )
    expect(stdout).toBe('')
    expect(existsSync(config)).toBe(true)
    build.child.kill('SIGINT')
    await build.ended
  })
})

test.each(MODES)('a %s build leaves every folder of its store private', async (mode) => {
  const { code, stderr } = await sandbox.build(mode, {
    Dockerfile: 'FROM busybox\nRUN touch /x && chmod 4755 /x\nUSER 1000\nRUN id -u && touch /tmp/y\n',
  })
  expect(code, stderr).toBe(0)
  const store = sandbox.store(mode)
  // Steps of any user are shown packs
  const names = readdirSync(store).filter((name) => name !== 'packs' && statSync(join(store, name)).isDirectory())
  const folders = [store, ...names.map((name) => join(store, name))]
  for (const path of folders) expect(statSync(path).mode & 0o77, path).toBe(0)
})

test.skipIf(!asRoot)('a store that belongs to somebody else is refused before anything is read from it', async () => {
  const store = join(folder, 'foreign')
  mkdirSync(store, { mode: 0o700 })
  writeFileSync(join(store, 'format'), '1\n')
  chownSync(store, 65534, 65534)
  const context = writeFiles(join(folder, 'foreign-context'), { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
  const { code, stderr } = await xbuild([context], { store })
  expect(code).toBe(1)
  expect(stderr).toContain(`Cannot use the store "${store}": it belongs to another user (65534, this is 0)`)
  expect(stderr).toContain('XBUILD_HOME')
})

test('a store as older versions made it is closed or refused, and loses nothing', async () => {
  const files = { Dockerfile: 'FROM busybox\nRUN echo of an older version > /x\n' }
  const first = await sandbox.build('native', files)
  expect(first.code, first.stderr).toBe(0)
  const store = sandbox.store('native')
  const widen = () => {
    for (const name of ['', 'blobs', 'blobs/sha256', 'records', 'snapshots', 'ingest'])
      chmodSync(join(store, name), 0o777)
    for (const name of ['format', 'boot', 'durable']) chmodSync(join(store, name), 0o666)
    for (const name of ['tmp', 'leases']) rmSync(join(store, name), { recursive: true, force: true })
  }
  widen()
  writeFileSync(join(store, 'planted'), '')
  const refused = await sandbox.build('native', files)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('other users may enter it, and it holds "planted", which does not belong to a store')
  rmSync(join(store, 'planted'))

  renameSync(join(store, 'records'), join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), join(store, 'records'))
  const linked = await sandbox.build('native', files)
  expect(linked.code).toBe(1)
  expect(linked.stderr).toContain(`"${join(store, 'records')}" is not a folder`)
  rmSync(join(store, 'records'))
  renameSync(join(folder, 'elsewhere'), join(store, 'records'))

  widen()
  const again = await sandbox.build('native', files)
  expect(again.code, again.stderr).toBe(0)
  expect(again.stderr).toContain('it is private from now on')
  expect(again.stderr).toMatch(/RUN echo of an older version[^]*CACHED/)
  for (const name of ['', 'blobs', 'records', 'snapshots', 'leases'])
    expect(statSync(join(store, name)).mode & 0o77, name).toBe(0)
})
