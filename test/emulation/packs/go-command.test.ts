import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandEdits } from '../../../src/emulation/packs/sibling/go-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const COUNTER =
  'package counter\nfunc Open() {\n\topenCalled = true\n\tcounter.OpenDir(os.Getenv("TEST_TELEMETRY_DIR"))\n}\n'
const TELEMETRY = 'package telemetry\nfunc MaybeParent() {\n\ttelemetry.Start(telemetry.Config{Upload: true})\n}\n'

/** Sources with what is counted in them, and more. */
function sources(more: Readonly<Record<string, string>>): string {
  const root = tempFolder()
  const all = {
    'cmd/internal/telemetry/counter/counter.go': COUNTER,
    'cmd/internal/telemetry/telemetry.go': TELEMETRY,
    'cmd/go/main.go': 'package main\n',
    'go/build/build.go': 'package build\n',
    'internal/buildcfg/cfg.go': 'package buildcfg\n',
    ...more,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

describe('the command go for another CPU', () => {
  test('says that it runs on that one, lies where the other lies, and counts nothing', async () => {
    const edits = await commandEdits(
      sources({
        'internal/buildcfg/zbootstrap.go':
          'package buildcfg\n\nimport "runtime"\n\nconst defaultGOARCH = runtime.GOARCH\n',
        'cmd/go/internal/cfg/cfg.go':
          'package cfg\n\nimport (\n\t"os"\n\t"runtime"\n)\n\nvar exe, err = os.Executable()\nvar arch = runtime.GOOS + runtime.GOARCH\n',
      }),
      'arm64',
    )
    expect(edits.get('internal/buildcfg/zbootstrap.go')).toBe(
      'package buildcfg\n\nimport "runtime"\n\nconst defaultGOARCH = "arm64"\n\nvar _ = runtime.GOOS\n',
    )
    expect(edits.get('cmd/go/internal/cfg/cfg.go')).toContain(
      'var exe, err = func() (string, error) { return "/usr/local/go/bin/go", nil }()\nvar arch = runtime.GOOS + "arm64"\n',
    )
    expect(edits.get('cmd/internal/telemetry/counter/counter.go')).toBe(
      'package counter\nfunc Open() {\n\topenCalled = true\n\t_ = os.Getenv\n}\n',
    )
    expect(edits.get('cmd/internal/telemetry/telemetry.go')).toContain('\t_ = (telemetry.Config{Upload: true})\n')
  })

  test('keeps what only writes of it: help texts, tests, and the runtime itself', async () => {
    const edits = await commandEdits(
      sources({
        'cmd/go/alldocs.go': '// as spelled by runtime.GOARCH\npackage main\n',
        'cmd/go/go_test.go': 'package main\n\nimport "runtime"\n\nvar a = runtime.GOARCH\n',
        'cmd/go/testdata/a.go': 'package a\n\nimport "runtime"\n\nvar a = runtime.GOARCH\n',
        'runtime/proc.go': 'package runtime\n\nvar a = GOARCH\n',
      }),
      'arm64',
    )
    expect([...edits.keys()].sort()).toEqual([
      'cmd/internal/telemetry/counter/counter.go',
      'cmd/internal/telemetry/telemetry.go',
    ])
  })

  test('is not made from a release that counts in another way', async () => {
    const other = sources({ 'cmd/internal/telemetry/counter/counter.go': 'package counter\n' })
    await expect(commandEdits(other, 'arm64')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test.each(['go/build', 'go', 'cmd/go/internal', 'internal/buildcfg/cfg.go', 'cmd/internal/telemetry/telemetry.go'])(
    'is not made when a link leads from "%s" to files of this machine',
    async (path) => {
      const root = sources({ 'cmd/go/internal/cfg/cfg.go': 'package cfg\n\nvar exe, err = os.Executable()\n' })
      const host = join(tempFolder(), 'host')
      renameSync(join(root, path), host)
      symlinkSync(host, join(root, path))
      await expect(commandEdits(root, 'arm64')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    },
  )
})
