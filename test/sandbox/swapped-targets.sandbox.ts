import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import type { Ended } from '../e2e/support/xbuild.ts'
import { makeCanary, stateOf } from './support/canary.ts'
import { createSandbox, MODES, type Mode } from './support/modes.ts'

const folder = tempFolder()
const sandbox = createSandbox(folder)

/**
 * Whoever shares a cache exchanges what a target leads through: /c/x for /c/y, which is a link to the root of the
 * image. A tree that is mounted there brings a /dev that leads out.
 */
const KINDS = ['link', 'folder', 'loop'] as const

const cacheMount = (mode: Mode, kind: string) => `--mount=type=cache,id=${mode}-${kind},target=/c`
/** What the target leads to before: another place of the image, or a folder of the cache. */
const BEFORE = { link: 'ln -s /ok /c/x', folder: 'mkdir /c/x', loop: 'mkdir /c/x' }
const prime = (mode: Mode) =>
  [
    'FROM busybox',
    ...KINDS.map(
      (kind) => `RUN ${cacheMount(mode, kind)} ${BEFORE[kind]} && ln -s / /c/y && echo > /c/of-${mode}-${kind}`,
    ),
    '',
  ].join('\n')

const victim = (mode: Mode, kind: string, outside: string, steps: number) => `FROM busybox AS tree
RUN mkdir -p /m/proc /m/sys /m/c && ln -s / /m/c/x && ln -s ${outside}/d /m/dev
FROM busybox
WORKDIR /ok
${`RUN ${cacheMount(mode, kind)} --mount=from=tree,source=/m,rw,target=/c/x true\n`.repeat(steps)}`

/** The folder of a cache in the store, by the mark that was left in it. */
function cacheFolder(mode: Mode, kind: string): string {
  const snapshots = join(sandbox.store(mode), 'snapshots')
  const name = readdirSync(snapshots).find((one) => existsSync(join(snapshots, one, `of-${mode}-${kind}`)))
  return join(snapshots, name!)
}

/** Rename by rename, as a step can. */
function exchange(cache: string): void {
  renameSync(join(cache, 'x'), join(cache, 'z'))
  for (;;) {
    try {
      renameSync(join(cache, 'y'), join(cache, 'x'))
      break
    } catch {
      rmdirSync(join(cache, 'x')) // whoever found nothing there made it
    }
  }
  renameSync(join(cache, 'z'), join(cache, 'y'))
}

/** Whether a runtime is about to be started for a step with this mount: its configuration is written. */
function isConfigured(mode: Mode): boolean {
  const tmp = join(sandbox.store(mode), 'tmp')
  return readdirSync(tmp).some((name) => {
    try {
      return readFileSync(join(tmp, name, 'config.json'), 'utf8').includes('"destination":"/c"')
    } catch {
      return false // not there yet, or gone
    }
  })
}

describe.each(MODES)('a cache of a %s step that others change', (mode) => {
  beforeAll(async () => {
    const { code, stderr } = await sandbox.build(mode, { Dockerfile: prime(mode) })
    expect(code, stderr).toBe(0)
  })

  async function attack(kind: (typeof KINDS)[number], steps: number, change: () => 'again' | 'done') {
    const outside = join(folder, 'outside', mode, kind)
    mkdirSync(join(outside, '..'), { recursive: true })
    await makeCanary(outside, mode === 'rootless' ? statSync(join(folder, 'home')).uid : process.getuid!())
    const before = stateOf(outside)
    let ended: Ended | undefined
    const build = sandbox.build(mode, { Dockerfile: victim(mode, kind, outside, steps) }).then((end) => (ended = end))
    let changes = 0
    for (let state = 'again'; !ended && state === 'again'; await breathe()) {
      state = change()
      changes += 1
    }
    const { code, stderr } = await build
    expect(stateOf(outside)).toEqual(before)
    expect(changes).toBeGreaterThan(0)
    return { code, stderr }
  }

  test.each(['link', 'folder'] as const)('leads nowhere when a %s is exchanged before the mount', async (kind) => {
    let exchanged = false
    const { code, stderr } = await attack(kind, 1, () => {
      if (!isConfigured(mode)) return 'again'
      exchange(cacheFolder(mode, kind))
      exchanged = true
      return 'done'
    })
    expect(exchanged, stderr).toBe(true)
    expect(code, stderr).toBe(0)
  })

  test('brings mounts of every kind that lie in it', async () => {
    const cache = `--mount=type=cache,id=${mode}-kinds,target=/k`
    const mounts = [
      cache,
      '--mount=type=secret,id=s,target=/k/l/s',
      '--mount=source=f,target=/k/f',
      '--mount=type=tmpfs,target=/k/t',
      `--mount=type=cache,id=${mode}-inner,target=/k/o/p`,
      '--mount=target=/k/o/p/q',
    ]
    const Dockerfile = `FROM busybox
RUN ${cache} mkdir /k/d && ln -s d /k/l
RUN ${mounts.join(' ')} grep / /k/d/s && grep new /k/f /k/o/p/q/f && echo > /k/t/x && echo > /k/o/p/y \
  && ! echo 2>/dev/null > /k/d/s && ! echo 2>/dev/null > /k/f
RUN ${cache} test -e /k/d/s && test ! -s /k/d/s && test ! -s /k/f && test -d /k/t && test ! -e /k/t/x && test ! -e /k/o/p/y
RUN ${cache},readonly --mount=type=tmpfs,target=/k/new true
`
    const { code, stderr } = await sandbox.build(mode, { Dockerfile, f: 'new\n' }, ['--secret', 'id=s,env=HOME'])
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/^error: Cannot mount on "\/k\/new": "new" is not there, and the cache is read-only/m)
  })

  const LOOPS = mode === 'native' ? [3] : [1]
  test.each(LOOPS)('leads nowhere when a folder is exchanged over and over while %i steps start', async (steps) => {
    const cache = cacheFolder(mode, 'loop')
    const { stderr } = await attack('loop', steps, () => {
      exchange(cache)
      return 'again'
    })
    expect(stderr).not.toMatch(/bug in xbuild/)
  })
})
