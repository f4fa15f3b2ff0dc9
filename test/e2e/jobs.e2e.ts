import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { baseLayer } from './support/base-layer.ts'
import { writeFiles } from './support/context.ts'
import { tempFolder } from './support/places.ts'
import { xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const IMAGES = 6

/** Each image has one step, which waits until as many have begun as must run together, and notes how many run. */
async function build(jobs: number, name: string, rest = ''): Promise<{ code: number; stderr: string; ran: number[] }> {
  const project = writeFiles(join(folder, name), {
    'docker-bake.hcl': `
group "default" { targets = ["image"] }
target "image" {
  name = "image-\${n}"
  matrix = { n = range(${IMAGES}) }
  args = { N = n }
  output = ["out/\${n}"]
}
`,
    Dockerfile: `FROM scratch
ADD base.tar.gz /
ARG N
RUN --mount=type=cache,id=${name},target=/c <<STEP
mkdir -p /c/begun /c/running
touch /c/begun/$N /c/running/$N
tries=0
until [ $(ls /c/begun | wc -l) -ge ${jobs} ]; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 9
  sleep 0.1
done
ls /c/running | wc -l > /ran
rm /c/running/$N
${rest}
STEP
`,
  })
  copyFileSync(await baseLayer(), join(project, 'base.tar.gz'))
  const { code, stderr } = await xbuild(['bake', '--audit=off', `--jobs=${jobs}`], {
    cwd: project,
    store: join(folder, 'store'),
  })
  const ran = Array.from({ length: IMAGES }, (_, n) => {
    const file = join(project, 'out', String(n), 'ran')
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  })
  return { code, stderr, ran }
}

test.each([1, 3])('--jobs %d is a limit for the steps of all images together, and is used', async (jobs) => {
  const { code, stderr, ran } = await build(jobs, `jobs-${jobs}`)
  expect(code, stderr).toBe(0)
  expect(Math.min(...ran)).toBeGreaterThan(0)
  expect(Math.max(...ran)).toBeLessThanOrEqual(jobs)
})

test('images that fail leave the others alone; the end says which', async () => {
  const { code, stderr, ran } = await build(2, 'failing', 'case $N in 1|4) exit 7;; esac')
  expect(code, stderr).toBe(1)
  expect(ran.map((count) => count > 0)).toEqual([true, false, true, true, false, true])
  for (const n of [1, 4]) expect(stderr).toMatch(new RegExp(`^image-${n}: error: [^]*?exit code 7`, 'm'))
})
