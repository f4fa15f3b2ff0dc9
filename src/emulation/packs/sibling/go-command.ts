import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readElf } from '../elf.ts'
import { readGoBuild } from './build-info.ts'
import { GO_ROOT, noGo } from './go-tree.ts'
import type { SiblingTrees } from './step-sibling.ts'

/** Of Go's sources, those that ask which CPU `go` runs on, to find tools and to tell: not the runtime and what it needs. */
const ASKING = ['cmd/go', 'go/build', 'internal/buildcfg']
const WORK = '/work'
const OUTPUT = `${WORK}/go`

/** How `go` begins to count its use, which no two builds write alike. */
const COUNTING = [
  {
    path: 'cmd/internal/telemetry/counter/counter.go',
    from: 'counter.OpenDir(os.Getenv("TEST_TELEMETRY_DIR"))',
    to: '_ = os.Getenv',
  },
  { path: 'cmd/internal/telemetry/telemetry.go', from: 'telemetry.Start(', to: '_ = (' },
]

/** What is different in the sources of a command `go` that says it runs on another CPU. Throws NOT_FOUND. */
export async function commandEdits(sources: string, target: string): Promise<ReadonlyMap<string, string>> {
  const edits = new Map<string, string>()
  for (const { path, from, to } of COUNTING) {
    const text = await readFile(join(sources, path), 'utf8').catch(() => '')
    if (text.split(from).length !== 2) throw noGo(`its command go counts its use in an unknown way`)
    edits.set(
      path,
      text.replace(from, () => to),
    )
  }
  for (const folder of ASKING) {
    for (const name of await readdir(join(sources, folder), { recursive: true })) {
      const path = `${folder}/${name}`
      if (!name.endsWith('.go') || name.endsWith('_test.go') || path.includes('/testdata/')) continue
      const text = await readFile(join(sources, path), 'utf8')
      const edited = editSource(text, target)
      if (edited !== text) edits.set(path, edited)
    }
  }
  return edits
}

/** The package may not be needed any more: naming it keeps the compiler quiet. */
function editSource(text: string, target: string): string {
  const named = text.replace(/\bos\.Executable\(\)/g, `func() (string, error) { return "/${GO_ROOT}/bin/go", nil }()`)
  if (!/^\s*(?:import )?"runtime"$/m.test(text) || !/\bruntime\.GOARCH\b/.test(text)) return named
  return `${named.replace(/\bruntime\.GOARCH\b/g, JSON.stringify(target))}\nvar _ = runtime.GOOS\n`
}

/**
 * The command `go` of an image for this machine, built by the sibling from the sources that both have, in a container:
 * it says that it runs on the image's CPU, and lies where the image's lies. Throws NOT_FOUND.
 */
export async function buildCommand(
  trees: SiblingTrees,
  { target, version, own, signal }: { target: string; version: string; own: Buffer; signal: AbortSignal },
): Promise<Buffer> {
  const build = readGoBuild(own)
  if (!build?.settings.includes('build\tCGO_ENABLED=0')) throw noGo('its command go uses libraries of the image')
  const root = `/${GO_ROOT}`
  const edits = [...(await commandEdits(join(trees.sibling, GO_ROOT, 'src'), target))]
  const Replace = Object.fromEntries(edits.map(([path], at) => [`${root}/src/${path}`, `/overlay/${at}.go`]))
  const made = await trees.run(
    {
      argv: [`${root}/bin/go`, 'build', '-trimpath', '-overlay=/overlay/all.json', '-o', OUTPUT, 'cmd/go'],
      cwd: WORK,
      env: [
        `PATH=${root}/bin`,
        ...['HOME', 'TMPDIR', 'GOPATH'].map((name) => `${name}=${WORK}`),
        `GOCACHE=${WORK}/cache`,
        'CGO_ENABLED=0',
        ...['GOENV=off', 'GOFLAGS=', 'GOPROXY=off', 'GOTOOLCHAIN=local', 'GOWORK=off'],
      ],
      files: [
        { path: '/overlay/all.json', content: JSON.stringify({ Replace }) },
        ...edits.map(([, content], at) => ({ path: `/overlay/${at}.go`, content })),
      ],
      output: OUTPUT,
    },
    { signal },
  )
  const its = readGoBuild(made)
  const elf = readElf(made)
  const godebug = (settings: readonly string[]) => settings.find((line) => line.startsWith('build\tDefaultGODEBUG='))
  if (
    !elf ||
    elf.interpreter !== undefined ||
    its?.version !== version ||
    godebug(its.settings) !== godebug(build.settings)
  )
    throw noGo('the command go that was built from its sources is another one')
  return made
}
