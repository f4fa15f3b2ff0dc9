import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { writeFiles } from '../e2e/support/context.ts'
import { baseLayout } from '../e2e/support/examples.ts'
import { ordinaryUser } from '../e2e/support/ordinary-user.ts'
import { program, tempFolder } from '../e2e/support/places.ts'
import { run } from '../e2e/support/xbuild.ts'

const folder = tempFolder()
const user = ordinaryUser(folder)

/** What xbuild is told that the machine has numbers for: a bomb of all its numbers would hit the other tests. */
const NUMBERS = 3200
const PID_MAX = '/proc/sys/kernel/pid_max'
const fake = join(folder, 'pid_max')
const BOMBS = [1, 2, 3, 4]

beforeAll(() => {
  writeFileSync(fake, `${NUMBERS}\n`)
  chmodSync(fake, 0o644)
  user.cover(PID_MAX, fake)
})

/** Each begins when all are there, and holds what it has until all have got what they can. */
const BOMB = `#!/bin/sh
all() { for n in ${BOMBS.join(' ')}; do [ -e /all/$1$n ] || return 1; done; }
: > /all/begun$1
until all begun; do :; done
(i=0; while [ $i -lt ${NUMBERS} ]; do sleep 200 & i=$((i+1)); echo $i > /all/started$1; done) 2>/dev/null
: > /all/full$1
until all full; do :; done
read -r started < /all/started$1
echo "started $started"
`

/** Each user is counted by itself where nothing counts all of them. `name` is of the folder in which they meet. */
function dockerfile(name: string): string {
  const mount = `--mount=type=cache,id=${name},target=/all,mode=0777`
  const stages = BOMBS.map(
    (n) => `FROM busybox AS s${n}\nCOPY --chmod=755 bomb /\nUSER ${n}\nRUN ${mount} /bomb ${n}\n`,
  )
  return `${stages.join('')}FROM scratch\n${BOMBS.map((n) => `COPY --from=s${n} /bomb /${n}\n`).join('')}`
}

/** How many processes the bombs had at a time, all together. */
async function explode(mode: 'native' | 'rootless', runtime: string): Promise<number> {
  const files = { bomb: BOMB, Dockerfile: dockerfile(runtime) }
  const context = writeFiles(mkdtempSync(join(folder, 'context-')), files)
  const base = await baseLayout('busybox')
  const flags = (layout: string) => [
    ...['--progress', 'plain', '--no-cache', '--jobs', '8', '--oci-runtime', runtime],
    ...['--build-context', `busybox=oci-layout://${layout}`],
  ]
  // crun refuses the hybrid hierarchy of control groups: it is shown the one of version 1 alone
  const script = `umount /sys/fs/cgroup/unified 2>/dev/null; mount --bind '${fake}' ${PID_MAX}; exec "$@"`
  const { code, stderr } = await (mode === 'rootless'
    ? user.xbuild([...flags(await user.give(base, 'busybox')), await user.give(context, 'bombs')])
    : run('unshare', ['--mount', 'sh', '-c', script, 'sh', process.execPath, program, ...flags(base), context], {
        store: join(folder, 'store'),
        cwd: folder,
      }))
  expect(code, stderr).toBe(0)
  const started = [...stderr.matchAll(/#\d+ [\d.]+ started (\d+)/g)].map(([, count]) => Number(count))
  expect(started).toHaveLength(BOMBS.length)
  return started.reduce((sum, count) => sum + count, 0)
}

test.each([
  ['native', 'runc'],
  ['native', 'crun'],
  ['rootless', 'runc'],
] as const)('four fork bombs in %s steps of %s together have half of the machine', async (mode, runtime) => {
  const sum = await explode(mode, runtime)
  expect(sum).toBeGreaterThan(NUMBERS / 4)
  expect(sum).toBeLessThanOrEqual(NUMBERS / 2)
})
