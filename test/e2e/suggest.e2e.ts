import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runImage, withBases, writeFiles } from './support/context.ts'
import { CLEAN, leftovers } from './support/leftovers.ts'
import { root, tempFolder } from './support/places.ts'
import { runOk, xbuild } from './support/xbuild.ts'

const folder = tempFolder()
const store = join(folder, 'store')
const [own, other] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64']

const PROJECT = {
  Dockerfile: `FROM debian:13 AS build
RUN apt-get update && apt-get install -y --no-install-recommends \\
      gcc \\
      libc6-dev make
WORKDIR /src
COPY Makefile hello.c ./
# Nothing else is in the image
RUN make CFLAGS="-O2 -static" hello

FROM scratch
COPY --from=build /src/hello /hello
CMD ["/hello"]
`,
  Makefile: 'CC = cc\nhello: hello.c\n\t$(CC) $(CFLAGS) -o $@ $<\n',
  'hello.c':
    '#include <stdio.h>\n#if defined(__aarch64__)\n#define CPU "arm64"\n#else\n#define CPU "amd64"\n#endif\nint main(void) { puts("hello from " CPU); return 0; }\n',
}

test('a C project compiles for another platform at native speed after the diff, and runs there', async () => {
  const context = writeFiles(join(folder, 'c'), PROJECT)
  const {
    stdout: diff,
    stderr,
    code,
  } = await xbuild(['suggest', '--platform', 'linux/amd64,linux/arm64'], { cwd: context })
  expect(code, stderr).toBe(0)
  expect(stderr).toContain(
    "Dockerfile:1 stage build: Debian's cross compiler for the target takes the place of the compiler\n  expected: ",
  )
  await runOk('git', ['apply', '-'], { cwd: context, input: diff, env: { GIT_CEILING_DIRECTORIES: folder } })
  expect(readFileSync(join(context, 'Dockerfile'), 'utf8')).toContain(
    'FROM --platform=$BUILDPLATFORM debian:13 AS build',
  )

  const base = await crossBase(own!, other!)
  const args = ['--platform', `linux/${other}`, '--build-context', `debian:13=oci-layout://${base}`]
  const plan = JSON.parse((await xbuild(['plan', '--json', ...args, context], { store })).stdout) as {
    jobs: { stage: string; platform: { architecture: string }; decision: { strategy: { kind: string } } }[]
  }
  const job = plan.jobs.find(({ stage }) => stage === 'build')
  expect(job).toMatchObject({ platform: { architecture: own }, decision: { strategy: { kind: 'cross' } } })

  const layout = join(folder, 'c-out')
  const built = await xbuild([...args, '--accel=off', '-o', `type=oci,dest=${layout},tar=false`, context], { store })
  expect(built.code, built.stderr).toBe(0)
  const ran = await runImage(layout, `linux/${other}`)
  expect(ran).toMatchObject({ code: 0, stdout: `hello from ${other}\n` })
  expect(await leftovers(store)).toEqual(CLEAN)
}, 300_000)

test('a stage that only fetches and unpacks runs once for two platforms after --write', async () => {
  const context = writeFiles(join(folder, 'fetch'), {
    Dockerfile:
      'FROM busybox AS data\nWORKDIR /work\nCOPY text .\nRUN gzip text && cat /proc/sys/kernel/random/uuid >id\nFROM busybox\nCOPY --from=data /work /data\nCMD ["cat", "/data/id"]\n',
    text: 'text\n',
  })
  const bases = await withBases('busybox')
  const written = await xbuild(['suggest', '--write', '.'], { cwd: context })
  expect(written.code, written.stderr).toBe(0)
  expect(readFileSync(join(context, 'Dockerfile'), 'utf8')).toMatch(
    /^FROM --platform=\$BUILDPLATFORM busybox AS data\n/,
  )
  const layout = join(folder, 'fetch-out')
  const built = await xbuild(
    ['--platform', 'linux/amd64,linux/arm64', ...bases, '-o', `type=oci,dest=${layout},tar=false`, context],
    { store },
  )
  expect(built.code, built.stderr).toBe(0)
  const [first, second] = await Promise.all(
    ['linux/amd64', 'linux/arm64'].map((platform) => runImage(layout, platform)),
  )
  expect(first!.stdout).toMatch(/^[0-9a-f-]{36}\n$/)
  expect(second!.stdout).toBe(first!.stdout)
})

test('patch takes the diff of a Dockerfile in a folder, and JSON tells the edits', async () => {
  const files = {
    'app/Dockerfile':
      'FROM golang AS build\nCOPY . .\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n',
  }
  const context = writeFiles(join(folder, 'go'), files)
  const { stdout } = await xbuild(['suggest', '--json', 'app'], { cwd: context })
  const { edits, diff, stages } = JSON.parse(stdout) as { edits: object[]; diff: string; stages: object[] }
  expect(stages).toMatchObject([
    { stage: 'build', status: 'suggested', kind: 'go', win: { factor: [8, 16] } },
    { stage: '1', status: 'none' },
  ])
  expect(edits[0]).toEqual({
    file: 'app/Dockerfile',
    line: 1,
    before: 'FROM golang AS build',
    after: 'FROM --platform=$BUILDPLATFORM golang AS build',
  })
  expect(edits).toHaveLength(3)
  await runOk('patch', ['-p0'], { cwd: context, input: diff })
  const again = await xbuild(['suggest', '-f', 'app/Dockerfile', '.'], { cwd: context })
  expect(again).toMatchObject({ code: 0, stdout: '' })
  expect(again.stderr).toContain('app/Dockerfile:1 stage build: it runs on the build platform already\n')
})

test('errors name the file and the line', async () => {
  const context = writeFiles(join(folder, 'broken'), { Dockerfile: 'FROM scratch\nRNU x\n' })
  const broken = await xbuild(['suggest', '.'], { cwd: context })
  expect(broken.code).toBe(1)
  expect(broken.stderr).toContain('Cannot parse instruction "RNU": it is unknown\n  at Dockerfile:2\n')
  const missing = await xbuild(['suggest', 'nowhere'], { cwd: context })
  expect(missing.stderr).toMatch(/Cannot read the Dockerfile ".*nowhere\/Dockerfile": no such file/)
  expect((await xbuild(['suggest', '-f', '-', '--write'], { cwd: context, input: 'FROM scratch\n' })).code).toBe(2)
})

async function crossBase(architecture: string, target: string): Promise<string> {
  const { crossBase } = (await import(join(root, 'test/support/cross-base.mjs'))) as {
    crossBase(architecture: string, target: string): Promise<string>
  }
  return crossBase(architecture, target)
}
