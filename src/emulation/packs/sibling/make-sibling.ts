import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { toXbuildError, XbuildError } from '../../../errors.ts'
import { ownMark } from '../../../host/process-mark.ts'
import { keepPack } from '../keep-pack.ts'
import { filesOf } from '../pack-files.ts'
import type { Pack, PackManifest, TwinOf } from '../pack.ts'
import { programsOf, rulesOf } from '../recipes.ts'
import { buildCommand } from './go-command.ts'
import { compareGo, GO_ROOT, MAX_PROGRAM, noGo } from './go-tree.ts'
import type { MakeSiblingOptions } from './make-options.ts'
import { makeNodePack } from './make-node.ts'
import { noSibling } from './no-sibling.ts'
import { readPlain } from './read-inside.ts'
import type { SiblingTrees, StepSibling } from './step-sibling.ts'

/**
 * Makes a pack of the programs of an image's sibling, the first one of which the image has the program. Throws
 * NOT_FOUND with the reasons when there is none.
 */
export async function makeSiblingPack(options: MakeSiblingOptions): Promise<Pack> {
  const reasons: string[] = []
  for (const sibling of options.siblings) {
    try {
      return options.match.recipe.speculative === undefined
        ? await makeOf(sibling, await sibling.trees(GO_ROOT, options.signal), options)
        : await makeNodePack(sibling, options)
    } catch (thrown) {
      const error = toXbuildError(thrown)
      if (options.signal.aborted || error.code !== 'NOT_FOUND') throw error
      reasons.push(error.message)
    }
  }
  const what = options.match.recipe.speculative === undefined ? 'Go' : 'Node'
  throw reasons.length > 0
    ? new XbuildError('NOT_FOUND', reasons.join('; '))
    : noSibling(what, 'the index of the image has none for this machine')
}

async function makeOf(
  sibling: StepSibling,
  trees: SiblingTrees,
  { match, architecture, id, host, packs, signal }: MakeSiblingOptions,
): Promise<Pack> {
  const go = await compareGo(trees, { target: architecture, host: host.goarch })
  await mkdir(packs, { recursive: true })
  const work = await mkdtemp(join(packs, `.tmp-${ownMark()}-`))
  try {
    await mkdir(join(work, 'bin'))
    const twins: TwinOf[] = []
    for (const name of programsOf(match.recipe)) {
      signal.throwIfAborted()
      const program = await go.program(name)
      if (!program) continue
      const read = (root: string, path: string) => {
        const bytes = readPlain(root, path, MAX_PROGRAM)
        if (!bytes) throw noGo(`"${name}" is no program`)
        return bytes
      }
      const bytes =
        name === 'go'
          ? await buildCommand(trees, {
              ...{ target: architecture, version: go.version, signal },
              own: read(trees.target, program.path.slice(1)),
            })
          : read(trees.sibling, relative(trees.sibling, program.twin))
      await writeFile(join(work, 'bin', name), bytes)
      await chmod(join(work, 'bin', name), 0o755)
      twins.push({
        id: program.id,
        program: program.path,
        rules: [...rulesOf({ ...match, program: name }), `exec {pack}/bin/${name}`],
      })
    }
    const [twin, ...others] = twins
    if (!twin || !twins.some((one) => one.id === id))
      throw noGo('the program is not that of the image (another build-id)')
    const manifest: PackManifest = {
      format: 1,
      recipe: match.recipe.name,
      distribution: `image ${sibling.digest}`,
      architecture,
      host: host.debian,
      source: { name: `the image's ${sibling.platform}`, version: go.version },
      packages: [],
      sibling: { manifest: sibling.digest, layer: trees.layer, tree: `sha256:${go.digest}` },
      files: await filesOf(work),
      twin,
      ...(others.length > 0 ? { others } : {}),
    }
    return await keepPack(work, manifest, packs)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
