import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { readElf } from '../elf.ts'
import { readGoBuild } from './build-info.ts'
import { GO_ROOT, noGo } from './go-tree.ts'
import { isRealFolder, namesIn, readPlain } from './read-inside.ts'
import type { SiblingTrees } from './step-sibling.ts'

/** Of Go's sources, those that ask which CPU `go` runs on, to find tools and to tell: not the runtime and what it needs. */
const ASKING = ['cmd/go', 'go/build', 'internal/buildcfg']
/** Far above what these folders hold: 2,000 files, none above 200 KB. */
const MAX_ENTRIES = 20_000
const MAX_SOURCE = 2_000_000
const MAX_SOURCES = 100_000_000
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

/**
 * What is different in the sources of a command `go` that says it runs on another CPU. Only plain files are read, and
 * no link is followed: it would lead to files of this machine. Throws NOT_FOUND.
 */
export async function commandEdits(sources: string, target: string): Promise<ReadonlyMap<string, string>> {
  const edits = new Map<string, string>()
  const budget = { entries: MAX_ENTRIES, bytes: MAX_SOURCES }
  const read = (path: string) => {
    const bytes = readPlain(sources, path, Math.min(MAX_SOURCE, budget.bytes))
    if (bytes) budget.bytes -= bytes.length
    return bytes?.toString('utf8')
  }
  for (const { path, from, to } of COUNTING) {
    const text = read(path) ?? ''
    if (text.split(from).length !== 2) throw noGo(`its command go counts its use in an unknown way`)
    edits.set(
      path,
      text.replace(from, () => to),
    )
  }
  for (const folder of ASKING) {
    for (const path of await filesBelow(sources, folder, budget)) {
      if (!path.endsWith('.go') || path.endsWith('_test.go') || path.includes('/testdata/')) continue
      const text = read(path)
      if (text === undefined) throw noGo('sources of its command go are no plain files, or too large')
      const edited = editSource(text, target)
      if (edited !== text) edits.set(path, edited)
    }
  }
  return edits
}

/** Every file below a folder of the sources, which has nothing but files and folders in it. */
async function filesBelow(sources: string, folder: string, budget: { entries: number }): Promise<string[]> {
  if (!isRealFolder(sources, folder)) throw noGo('sources of its command go are in no real folder')
  const names = await namesIn(join(sources, folder), budget.entries)
  if (!names) throw noGo('its command go has too many sources')
  budget.entries -= names.length
  const found: string[] = []
  for (const name of names) {
    const path = `${folder}/${name}`
    const at = await lstat(join(sources, path))
    if (at.isDirectory()) found.push(...(await filesBelow(sources, path, budget)))
    else if (at.isFile()) found.push(path)
    else throw noGo('sources of its command go are no plain files')
  }
  return found
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
