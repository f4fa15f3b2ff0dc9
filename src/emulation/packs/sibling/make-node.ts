import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ownMark } from '../../../host/process-mark.ts'
import { findBuilt } from '../fused-emulator.ts'
import { withTexts } from '../guest.ts'
import { keepPack } from '../keep-pack.ts'
import { filesOf } from '../pack-files.ts'
import type { Pack, PackManifest } from '../pack.ts'
import { recipesFolder, rulesOf } from '../recipes.ts'
import type { MakeSiblingOptions } from './make-options.ts'
import { compareFacts, otherNumbers, readFacts, steadyLines, type NodeFacts } from './node-facts.ts'
import { readProgram, type SiblingProgram } from './node-files.ts'
import { noSibling } from './no-sibling.ts'
import type { SiblingImages, StepSibling } from './step-sibling.ts'

const WORK = '/work'
const OUTPUT = `${WORK}/facts.json`

/** What `speculate.c` is told, in order. */
const TEXTS = ['@program@', '@machine@', '@cpuinfo@']

/**
 * Makes the pack of the Node of an image's sibling, once both have been asked what they are: the image's under QEMU, for
 * its answers are those that the twin gives. Throws NOT_FOUND.
 */
export async function makeNodePack(
  sibling: StepSibling,
  { match, architecture, id, host, packs, signal }: MakeSiblingOptions,
): Promise<Pack> {
  const library = findBuilt(`speculate-${process.arch}.so`)
  if (!library) throw noSibling('Node', 'this xbuild was built without the library that speculation takes')
  const images = await sibling.images(signal)
  const program = await readProgram(images, {
    paths: match.recipe.target.files,
    triples: { target: match.target.triple, host: host.triple },
    signal,
  })
  if (program.id !== id) throw noSibling('Node', 'the program is not that of the image (another build-id)')
  const facts = await factsOf(images, program, { target: architecture, host: host.goarch }, signal)
  await mkdir(packs, { recursive: true })
  const work = await mkdtemp(join(packs, `.tmp-${ownMark()}-`))
  try {
    for (const name of ['bin', 'lib']) await mkdir(join(work, name))
    await writeFile(join(work, 'bin/node'), program.bytes, { mode: 0o755 })
    await writeFile(join(work, 'lib/ld.so'), program.loader, { mode: 0o755 })
    for (const [name, bytes] of program.libraries) await writeFile(join(work, 'lib', name), bytes, { mode: 0o644 })
    const { cpuinfo, ...shown } = facts
    if (cpuinfo !== undefined) await writeFile(join(work, 'lib/cpuinfo'), cpuinfo, { mode: 0o644 })
    const script = await readFile(join(recipesFolder(), `../speculate/${match.recipe.speculative}.cjs`), 'utf8')
    await writeFile(join(work, 'lib/preload.cjs'), withFacts(script, shown), { mode: 0o644 })
    const texts = [program.path, facts.machine, cpuinfo === undefined ? '' : 'cpuinfo']
    await writeFile(join(work, 'lib/speculate.so'), withTexts(await readFile(library), texts, TEXTS), { mode: 0o644 })
    const manifest: PackManifest = {
      format: 1,
      recipe: match.recipe.name,
      distribution: `image ${sibling.digest}`,
      architecture,
      host: host.debian,
      source: { name: `the image's ${sibling.platform}`, version: facts.version },
      packages: [],
      sibling: { manifest: sibling.digest, layer: program.layer, tree: `sha256:${digestOf(program)}` },
      speculative: true,
      files: await filesOf(work),
      twin: {
        id,
        program: program.path,
        rules: [
          ...rulesOf(match),
          `at ${program.path}`,
          'preload {pack}/lib/speculate.so',
          'add --require',
          'add {pack}/lib/preload.cjs',
          'load {pack} node',
        ],
      },
    }
    return await keepPack(work, manifest, packs)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** What the twin is told. */
interface ShownFacts extends Omit<NodeFacts, 'cpuinfo' | 'numbers'> {
  readonly cpuinfo?: string
  readonly numbers: ReturnType<typeof otherNumbers>
}

/** What the image's Node says; `cpuinfo` only where QEMU shows another one than this machine's. */
async function factsOf(
  images: SiblingImages,
  { path, layers }: SiblingProgram,
  architectures: { readonly target: string; readonly host: string },
  signal: AbortSignal,
): Promise<ShownFacts> {
  const content = await readFile(join(recipesFolder(), '../speculate/facts.cjs'), 'utf8')
  const command = {
    argv: [path, '/facts/facts.cjs', OUTPUT],
    cwd: WORK,
    env: ['PATH=/usr/bin:/bin', `HOME=${WORK}`, 'XBUILD_EMULATED=1'],
    files: [{ path: '/facts/facts.cjs', content }],
    output: OUTPUT,
  }
  const [own, other] = await Promise.all([
    images.run(command, { signal }).then((bytes) => readFacts(bytes.toString('utf8'))),
    images.run(command, { layers, signal }).then((bytes) => readFacts(bytes.toString('utf8'))),
  ])
  compareFacts(own, other, architectures)
  const { cpuinfo, ...said } = own
  const facts = { ...said, numbers: otherNumbers(own, other) }
  return steadyLines(cpuinfo) === steadyLines(other.cpuinfo) ? facts : { ...facts, cpuinfo }
}

/** The script with what the image's Node said, as a text of JavaScript. Exported for tests. */
export function withFacts(script: string, facts: unknown): string {
  const [before, after, ...more] = script.split("'@facts@'")
  if (before === undefined || after === undefined || more.length > 0)
    throw new TypeError('the script has no place for facts')
  return `${before}${JSON.stringify(JSON.stringify(facts))}${after}`
}

function digestOf({ path, bytes, loader, libraries }: SiblingProgram): string {
  const hash = createHash('sha256')
  for (const [name, content] of [[path, bytes] as const, ['ld.so', loader] as const, ...libraries])
    hash.update(`${name}\0${content.length}\0`).update(content)
  return hash.digest('hex')
}
