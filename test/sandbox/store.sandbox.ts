import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
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
  const folders = [store, ...readdirSync(store).map((name) => join(store, name))].filter((path) =>
    statSync(path).isDirectory(),
  )
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
  expect(stderr).toContain(`Cannot use the store folder "${store}": it belongs to user 65534, not to user 0`)
  expect(stderr).toContain('XBUILD_HOME')
})
