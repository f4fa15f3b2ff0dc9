import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeFiles } from './support/context.ts'
import { baseLayout, importExamples } from './support/examples.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { ordinaryUser } from './support/ordinary-user.ts'
import { root, tempFolder } from './support/places.ts'
import { run, runOk } from './support/xbuild.ts'

const folder = tempFolder()
const user = ordinaryUser(folder)
const store = join(user.home, '.local/share/xbuild')
const missing = await whyNot()
if (missing) console.warn(`Skipped: builds by an ordinary user: ${missing}`)

const asRoot = process.getuid?.() === 0
if (!asRoot) console.warn('Skipped: the same image as root: not root')

const DOCKERFILE = `FROM busybox AS made
RUN mkdir /made && echo by-root > /made/root && echo by-node > /made/node && chown node:node /made/node && touch /made/other && chown 1234:5678 /made/other
USER node
RUN id -u > /tmp/id && uname -m > /tmp/machine

FROM busybox
COPY --chown=node:nogroup greeting.txt /greeting.txt
COPY --from=made /made /made
COPY --from=made /tmp/id /tmp/machine /seen/
RUN chown -R 42:43 /seen && ln -s /greeting.txt /link
USER 1000:65534
CMD ["cat", "/greeting.txt"]
`

describe.skipIf(missing !== undefined)('an ordinary user', () => {
  let context: string
  let base: string

  beforeAll(async () => {
    context = await user.give(
      writeFiles(join(folder, 'context'), { Dockerfile: DOCKERFILE, 'greeting.txt': 'hello from a user\n' }),
      'context',
    )
    base = await user.give(await baseLayout('busybox'), 'busybox')
  })

  const build = (...more: string[]) =>
    user.xbuild(['--platform', 'linux/amd64,linux/arm64', '--build-context', `busybox=oci-layout://${base}`, ...more])

  test('has no capability in these tests', async () => {
    const status = await user.run('cat', ['/proc/self/status'])
    expect(status.stdout).toMatch(/^CapEff:\s*0+$/m)
    expect(status.stdout).toMatch(/^CapPrm:\s*0+$/m)
  })

  test('builds for two platforms, RUN under emulation included, and leaves nothing running', async () => {
    const { code, stdout, stderr } = await build('-o', `type=oci,dest=${user.home}/out`, context)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/)
    expect(await leftovers(store)).toEqual(CLEAN)
  })

  test.each([
    ['linux/amd64', 'x86_64'],
    ['linux/arm64', 'aarch64'],
  ])('gives the files of the image for %s their owners', async (platform, machine) => {
    const list = [
      'sh',
      '-c',
      'cd / && stat -c "%u:%g %n" greeting.txt made/root made/node made/other seen seen/id && cat seen/id seen/machine greeting.txt && id -u && id -g',
    ]
    const { stdout, stderr } = await user.node([
      join(user.checkout(), 'examples/run-image.mjs'),
      `${user.home}/out`,
      platform,
      '--',
      ...list,
    ])
    expect(stdout.trimEnd().split('\n'), stderr).toEqual([
      '1000:65534 greeting.txt',
      '0:0 made/root',
      '1000:1000 made/node',
      '1234:5678 made/other',
      '42:43 seen',
      '42:43 seen/id',
      '1000',
      machine,
      'hello from a user',
      '1000',
      '65534',
    ])
  })

  test('takes everything from the cache the second time, with the same result', async () => {
    const first = await build('-o', `type=oci,dest=${user.home}/again`, context)
    const second = await build('-o', `type=oci,dest=${user.home}/again`, context)
    expect(second.code, second.stderr).toBe(0)
    expect(second.stdout).toBe(first.stdout)
  })

  test.skipIf(!asRoot)('gets the same image as root does', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' }
    const args = [
      '--platform',
      'linux/amd64,linux/arm64',
      '--build-context',
      `busybox=oci-layout://${base}`,
      '--no-cache',
      context,
    ]
    const asUser = await user.xbuild(args, env)
    const asRoot = await run(process.execPath, [join(root, 'dist/xbuild.cjs'), ...args], {
      store: join(folder, 'root-store'),
      env,
    })
    expect(asUser.stdout, asUser.stderr).toBe(asRoot.stdout)
  })

  test('exports a file tree as its own files', async () => {
    const { code, stderr } = await user.xbuild([
      '--platform',
      'linux/arm64',
      '--build-context',
      `busybox=oci-layout://${base}`,
      '-o',
      `type=local,dest=${user.home}/tree`,
      context,
    ])
    expect(code, stderr).toBe(0)
    const owner = (await runOk('stat', ['-c', '%u', join(user.home, 'tree/greeting.txt')])).trim()
    expect(owner).toBe((await user.run('id', ['-u'])).stdout.trim())
    expect(readFileSync(join(user.home, 'tree/seen/machine'), 'utf8')).toBe('aarch64\n')
  })

  test('sees what a failing RUN printed', async () => {
    const broken = await user.give(
      writeFiles(join(folder, 'broken'), { Dockerfile: 'FROM busybox\nRUN echo about to fail && exit 7\n' }),
      'broken',
    )
    const { code, stderr } = await build(broken)
    expect(code).toBe(1)
    expect(stderr).toMatch(/about to fail/)
    expect(stderr).toMatch(/Dockerfile:2/)
    expect(await leftovers(store)).toEqual(CLEAN)
  })
})

async function whyNot(): Promise<string | undefined> {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 7)) return `Linux ${release()} has no binfmt_misc of one's own, 6.7 has`
  if (!(await importExamples()).findProgram('newuidmap')) return 'newuidmap is missing (package uidmap)'
  return undefined
}
