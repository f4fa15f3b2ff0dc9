import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { accelerated } from './support/accelerated.ts'
import { writeFiles } from './support/context.ts'
import { root } from './support/places.ts'
import { goImage } from './support/toolchains.ts'

/*
 * Each tool by itself: what the command `go` makes of them is compared by `architectures/accel-siblings`.
 */
const { missing, folder, build, way, out, expectEqual } = await accelerated("Go of an image's sibling")

const TOOLS = ['asm', 'buildid', 'cgo', 'compile', 'cover', 'link', 'pack', 'preprofile', 'vet']

const DOCKERFILE = `FROM golang AS build
WORKDIR /src
COPY words words
ARG WAY
RUN <<END
set -e
mkdir -p /out/bin
tools=/usr/local/go/pkg/tool/linux_arm64
for tool in ${TOOLS.join(' ')}; do "$tools/$tool" -V=full || echo "status $?"; done >/out/versions.txt 2>&1
cd words
"$tools/compile" -p words -symabis /dev/null -o /out/words.a words.go
GOARCH=amd64 "$tools/compile" -p words -complete=false -symabis /dev/null -o /out/amd64.a words.go
"$tools/asm" -p words -I /usr/local/go/pkg/include -o /out/double.o double_arm64.s
cp /out/words.a /out/both.a
"$tools/pack" r /out/both.a /out/double.o
"$tools/buildid" /out/both.a >/out/id.txt
"$tools/cover" -mode=set -var=seen words.go >/out/cover.txt
"$tools/link" -o /out/none /out/words.a >/out/link.txt 2>&1 || echo "status $?" >>/out/link.txt
"$tools/compile" -p words /nowhere.go >/out/broken.txt 2>&1 || echo "status $?" >>/out/broken.txt
gofmt -d words.go >/out/gofmt.txt || true
END
FROM scratch
COPY --from=build /out /
`

describe.skipIf(missing)("Go of an image's sibling", () => {
  const starts = (mode: string) =>
    (
      JSON.parse(readFileSync(join(folder, `${mode}.json`), 'utf8')) as {
        'xbuild.starts'?: { programs: { program: string; native: number; emulated: number }[] }[]
      }
    )['xbuild.starts']?.flatMap(({ programs }) => programs) ?? []

  beforeAll(async () => {
    const golang = await goImage()
    const file = join(writeFiles(join(folder, 'file'), { Dockerfile: DOCKERFILE }), 'Dockerfile')
    for (const mode of ['require', 'off']) {
      const more = ['-f', file, '--build-arg', `WAY=${mode}`, '--metadata-file', join(folder, `${mode}.json`)]
      const context = join(root, 'test/fixtures/accel-siblings')
      const { code, stderr } = await build({ golang }, context, ...more, ...way(mode))
      expect(code, stderr).toBe(0)
      expect(stderr.includes("ran natively: go-image (the image's linux/amd64 go1.")).toBe(mode === 'require')
    }
  }, 600_000)

  test('every tool runs natively', () => {
    const native = starts('require').filter(
      ({ program, native, emulated }) => program.startsWith('/usr/local/go/') && native > 0 && emulated === 0,
    )
    expect(native.map(({ program }) => program.split('/').at(-1)).sort()).toEqual([...TOOLS, 'gofmt'].sort())
    expect(starts('off').some(({ native }) => native > 0)).toBe(false)
  })

  test('files and messages are equal to those of plain QEMU, byte by byte', async () => {
    await expectEqual('require', 'off', '--brief')
    const read = (name: string) => readFileSync(join(out('require'), name), 'latin1')
    expect(read('versions.txt')).toMatch(/^asm version go1\.\d+(\.\d+)?\n/)
    expect(read('words.a')).toMatch(/^!<arch>\n[^]{0,80}go object linux arm64 /)
    expect(read('amd64.a')).toMatch(/^!<arch>\n[^]{0,80}go object linux amd64 /)
    expect(read('gofmt.txt')).toContain('+	for i, v := range values {')
    expect(read('broken.txt')).toMatch(/status \d\n$/)
  })
})
