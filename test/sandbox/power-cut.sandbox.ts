import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

/** The stage `made` is in no image: its files lie in its snapshot alone. */
const dockerfile = (name: string, mode: string) => `FROM busybox AS made
RUN echo ${mode} made it >/precious && chown 1000 / && cat /proc/uptime >/when
FROM busybox
COPY --from=made /precious /when /${name}/
RUN grep -q made /${name}/precious && echo "when $(cat /${name}/when)"
`
const whenOf = (stderr: string) => / when ([\d.]+)/.exec(stderr)?.[1]

test.each(MODES)('after a power cut, a %s build makes again what was not safely on disk, and no more', async (mode) => {
  const build = async (name: string) => {
    const { code, stderr } = await sandbox.build(mode, { Dockerfile: dockerfile(name, mode) })
    expect(code, stderr).toBe(0)
    return stderr
  }
  const store = sandbox.store(mode)
  const first = whenOf(await build('one'))
  expect(first).toBeDefined()

  // Another boot; everything was on disk
  writeFileSync(join(store, 'boot'), 'another boot\n')
  const second = await build('two')
  expect(second).not.toContain('written to disk')
  expect(whenOf(second)).toBe(first)

  // Another boot; the files of the stage came to an end when the machine did
  const { snapshots } = JSON.parse(readFileSync(join(store, 'durable'), 'utf8')) as {
    snapshots: Record<string, string>
  }
  const made = Object.keys(snapshots).find((name) => readdirSync(join(store, 'snapshots', name)).includes('precious'))!
  truncateSync(join(store, 'snapshots', made, 'precious'))
  writeFileSync(join(store, 'boot'), 'a third boot\n')
  rmSync(join(store, 'durable'))
  const third = await build('three')
  expect(third).toContain('snapshots were written to disk')
  expect(Number(whenOf(third))).toBeGreaterThan(Number(first))
  expect(readdirSync(join(store, 'snapshots'))).not.toContain(made)
  expect(readdirSync(join(store, 'snapshots')).filter((name) => name.startsWith('lost-'))).toEqual([])
})

test.each(MODES)('a %s step does not wait for the disk', async (mode) => {
  const Dockerfile = "FROM busybox\nRUN grep '^overlay / overlay .*volatile' /proc/mounts && sync && echo it is so\n"
  const { code, stderr } = await sandbox.build(mode, { Dockerfile })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/ it is so$/m)
})
